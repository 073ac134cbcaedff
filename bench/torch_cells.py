"""Prints tokens a second of a full training step in PyTorch: embedding, recurrent layer, linear head, cross-entropy, backward,
norm clipped at 1, Adam.

    python3 torch_cells.py lstm|gru|tanh|relu BATCH WINDOW VOCABULARY HIDDEN THREADS SECONDS
"""
import sys
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy

CELL = sys.argv[1]
BATCH, WINDOW, VOCABULARY, HIDDEN, THREADS = map(int, sys.argv[2:7])
SECONDS = float(sys.argv[7])

torch.set_num_threads(THREADS)
torch.manual_seed(0)
embedding = nn.Embedding(VOCABULARY, HIDDEN)
if CELL in ('lstm', 'gru'):
    layer = (nn.LSTM if CELL == 'lstm' else nn.GRU)(HIDDEN, HIDDEN)
else:
    layer = nn.RNN(HIDDEN, HIDDEN, nonlinearity=CELL)
head = nn.Linear(HIDDEN, VOCABULARY)
parameters = [p for module in (embedding, layer, head) for p in module.parameters()]
adam = torch.optim.Adam(parameters, lr=1e-3)
inputs = torch.randint(VOCABULARY, (WINDOW, BATCH))
targets = torch.randint(VOCABULARY, (WINDOW * BATCH,))
state = None


def step():
    global state
    outputs, after = layer(embedding(inputs), state)
    state = tuple(s.detach() for s in after) if isinstance(after, tuple) else after.detach()
    loss = cross_entropy(head(outputs).flatten(0, 1), targets)
    adam.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    adam.step()


for _ in range(3):
    step()
began, steps = time.perf_counter(), 0
while steps < 3 or time.perf_counter() - began < SECONDS:
    step()
    steps += 1
print(steps * BATCH * WINDOW / (time.perf_counter() - began))
