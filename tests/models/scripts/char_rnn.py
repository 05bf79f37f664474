"""Names by language: a recurrent network that classifies, and one that writes names."""

import string
import time
import unicodedata

import torch
import torch.nn as nn

import common

all_letters = string.ascii_letters + " .,;'-"
n_letters = len(all_letters) + 1
category_lines = {
    "Irish": ["O'Neal", "Murphy", "Kelly", "Walsh"],
    "Czech": ["Novák", "Svoboda", "Dvořák", "Černý"],
    "Greek": ["Pappas", "Galanos", "Rousses"],
}
all_categories = list(category_lines)


def unicodeToAscii(s):
    return "".join(
        c for c in unicodedata.normalize("NFD", s)
        if unicodedata.category(c) != "Mn" and c in all_letters
    )  # fmt: skip


def lineToTensor(line):
    tensor = torch.zeros(len(line), 1, n_letters)
    for li, letter in enumerate(line):
        tensor[li][0][all_letters.find(letter)] = 1
    return tensor


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        hidden = torch.tanh(self.i2h(input) + self.h2h(hidden))
        return self.softmax(self.h2o(hidden)), hidden

    def initHidden(self):
        return torch.zeros(1, self.hidden_size)


rnn = common.fill(RNN(n_letters, 16, len(all_categories)))
criterion = nn.NLLLoss()
learning_rate = 0.1


def train(category_tensor, line_tensor):
    hidden = rnn.initHidden()
    rnn.zero_grad()
    for i in range(line_tensor.size()[0]):
        output, hidden = rnn(line_tensor[i], hidden)
    loss = criterion(output, category_tensor)
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-learning_rate)
    return output, loss.item()


start = time.time()
for iteration in range(10):
    current_loss = 0
    for category, lines in category_lines.items():
        for line in lines:
            category_tensor = torch.tensor([all_categories.index(category)], dtype=torch.long)
            output, loss = train(category_tensor, lineToTensor(unicodeToAscii(line)))
            current_loss += loss
    if iteration % 3 == 0:
        common.report(f"loss_{iteration}", current_loss)
        top_n, top_i = output.topk(1)
        print(all_categories[top_i[0].item()], top_i.shape)
with torch.no_grad():
    hidden = rnn.initHidden()
    for letter in lineToTensor("Murphy"):
        output, hidden = rnn(letter, hidden)
    topv, topi = output.topk(2, 1, True)
    print([all_categories[topi[0][i].item()] for i in range(2)])


class NameRNN(nn.Module):
    """Takes the category, the letter and the state together."""

    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        n = len(all_categories)
        self.i2h = nn.Linear(n + input_size + hidden_size, hidden_size)
        self.i2o = nn.Linear(n + input_size + hidden_size, output_size)
        self.o2o = nn.Linear(hidden_size + output_size, output_size)
        self.dropout = nn.Dropout(0.0)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, category, input, hidden):
        input_combined = torch.cat((category, input, hidden), 1)
        hidden = self.i2h(input_combined)
        output = self.i2o(input_combined)
        output = self.dropout(self.o2o(torch.cat((hidden, output), 1)))
        return self.softmax(output), hidden


writer = common.fill(NameRNN(n_letters, 12, n_letters))
optimizer = torch.optim.SGD(writer.parameters(), lr=0.05)
for category, lines in category_lines.items():
    name = unicodeToAscii(lines[0])
    category_tensor = torch.zeros(1, len(all_categories))
    category_tensor[0][all_categories.index(category)] = 1
    target = torch.LongTensor([all_letters.find(c) for c in name[1:]] + [n_letters - 1])
    target.unsqueeze_(-1)
    optimizer.zero_grad()
    hidden = torch.zeros(1, 12)
    loss = torch.Tensor([0]).double()
    for i, letter in enumerate(lineToTensor(name)):
        output, hidden = writer(category_tensor, letter, hidden)
        loss += criterion(output, target[i])
    loss.backward()
    optimizer.step()
    common.report(f"writes_{category}", loss.item() / len(name))
