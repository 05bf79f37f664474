"""Masked language modelling with nn.TransformerEncoder: padding masks, embeddings, warm-up."""

import torch
import torch.nn as nn
from torch.nn import (
    CrossEntropyLoss,
    MultiheadAttention,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from torch.utils.data import DataLoader, Dataset

import common

PAD, CLS, MASK, VOCAB, DIM = 0, 1, 2, 20, 8


class Corpus(Dataset):
    def __init__(self, n):
        lengths = (common.integers(4, n) + 4).tolist()
        self.items = [common.integers(VOCAB - 3, k) + 3 for k in lengths]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, idx):
        tokens = torch.cat([torch.tensor([CLS]), self.items[idx]])
        labels = torch.full_like(tokens, -100)
        labels[1::3] = tokens[1::3]
        masked = tokens.clone()
        masked[labels != -100] = MASK
        return {"tokens": masked, "labels": labels}


def collate(batch):
    tokens = nn.utils.rnn.pad_sequence([b["tokens"] for b in batch], batch_first=True)
    labels = nn.utils.rnn.pad_sequence(
        [b["labels"] for b in batch], batch_first=True, padding_value=-100
    )
    return tokens, labels, tokens == PAD


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, DIM, padding_idx=PAD)
        self.places = nn.Embedding(16, DIM)
        layer = TransformerEncoderLayer(
            DIM, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = TransformerEncoder(
            layer, 2, norm=nn.LayerNorm(DIM), enable_nested_tensor=False
        )
        self.pool = MultiheadAttention(DIM, 2, batch_first=True)
        self.head = nn.Linear(DIM, VOCAB)

    def forward(self, x, padding):
        place = torch.arange(x.shape[1], device=x.device).unsqueeze(0).expand_as(x)
        h = self.tokens(x) + self.places(place)
        h = self.encoder(h, src_key_padding_mask=padding)
        pooled, weights = self.pool(h[:, :1], h, h, key_padding_mask=padding)
        return self.head(h), pooled.squeeze(1), weights


loader = DataLoader(Corpus(24), batch_size=8, collate_fn=collate)
model = common.fill(Bert())
with torch.no_grad():
    model.tokens.weight[PAD].fill_(0)
no_decay = ["bias", "norm"]
groups = [
    {
        "params": [p for n, p in model.named_parameters() if not any(d in n for d in no_decay)],
        "weight_decay": 0.01,
    },
    {
        "params": [p for n, p in model.named_parameters() if any(d in n for d in no_decay)],
        "weight_decay": 0.0,
    },
]
optimizer = torch.optim.AdamW(groups, lr=5e-3)
schedule = torch.optim.lr_scheduler.SequentialLR(
    optimizer,
    [
        torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6),
    ],
    milestones=[3],
)
criterion = CrossEntropyLoss()
for epoch in range(3):
    model.train()
    for tokens, labels, padding in loader:
        logits, pooled, weights = model(tokens, padding)
        loss = criterion(logits.view(-1, VOCAB), labels.view(-1)) + 0.01 * pooled.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    common.report(f"loss_{epoch}", loss)
    common.report(f"lr_{epoch}", schedule.get_last_lr()[0])
print(weights.shape, weights[0].sum().item() > 0.999, model.tokens.weight[PAD].abs().sum().item())
model.eval()
with torch.no_grad():
    logits, pooled, weights = model(tokens, padding)
common.report("eval", logits[~padding].logsumexp(-1).mean())
