"""Bags of words and packed sequences: custom batches, EmbeddingBag, a packed bidirectional GRU."""

import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader
from torch.utils.data.dataset import random_split

import common

random.seed(0)
data = []
for _ in range(60):
    label = random.randrange(3)
    words = [
        random.randrange(10) + 10 * (random.random() < 0.6) * label
        for _ in range(random.randint(3, 8))
    ]
    data.append((label, words))


def collate_batch(batch):
    label_list, text_list, offsets = [], [], [0]
    for label, words in batch:
        label_list.append(label)
        processed_text = torch.tensor(words, dtype=torch.int64)
        text_list.append(processed_text)
        offsets.append(processed_text.size(0))
    label_list = torch.tensor(label_list, dtype=torch.int64)
    offsets = torch.tensor(offsets[:-1]).cumsum(dim=0)
    return label_list, torch.cat(text_list), offsets


class TextClassificationModel(nn.Module):
    def __init__(self, vocab_size, embed_dim, num_class):
        super(TextClassificationModel, self).__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, sparse=False)
        self.fc = nn.Linear(embed_dim, num_class)

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))


class Packed(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 6)
        self.gru = nn.GRU(6, 5, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(10, 3)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(
            self.embedding(words), lengths, batch_first=True, enforce_sorted=False
        )
        output, hidden = self.gru(packed)
        output, out_lengths = pad_packed_sequence(output, batch_first=True)
        pooled = output.sum(1) / out_lengths.unsqueeze(1)
        return self.fc(pooled) + self.fc(torch.cat([hidden[-2], hidden[-1]], dim=1))


train, test = random_split(data, [45, 15], generator=torch.Generator().manual_seed(0))
print(len(train), len(test), type(train).__name__)
loader = DataLoader(data, batch_size=8, shuffle=False, collate_fn=collate_batch)
model = common.fill(TextClassificationModel(30, 8, 3), 3.0)
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1.0, gamma=0.5)
for epoch in range(3):
    total_acc, total_count = 0, 0
    for label, text, offsets in loader:
        optimizer.zero_grad()
        predicted_label = model(text, offsets)
        loss = criterion(predicted_label, label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        total_acc += (predicted_label.argmax(1) == label).sum().item()
        total_count += label.size(0)
    scheduler.step()
    common.report(f"accuracy_{epoch}", total_acc / total_count)
    common.report(f"loss_{epoch}", loss)

packed = common.fill(Packed(30), 2.0)
optimizer = torch.optim.Adam(packed.parameters(), lr=0.02)
words = pad_sequence([torch.tensor(w) for _, w in data], batch_first=True)
lengths = torch.tensor([len(w) for _, w in data])
labels = torch.tensor([label for label, _ in data])
for step in range(4):
    optimizer.zero_grad()
    loss = criterion(packed(words, lengths), labels)
    loss.backward()
    optimizer.step()
    common.report(f"packed_{step}", loss)
