"""Full training steps in PyTorch, as a peer that stays alive: embedding (or real-valued features), recurrent layers, linear head,
cross-entropy, backward, norm clipped at 1, Adam.

    python3 torch_peer.py '{"cell": "lstm", "hidden": 128, "layers": 1, "vocabulary": 96, "features": 0, "batch": 64,
                            "window": 32, "threads": 1, "compile": false}'

Prints "ready" when it is warm; then, for each line SECONDS on its input, trains so long and prints tokens a second.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy

row = json.loads(sys.argv[1])
CELL, HIDDEN, LAYERS, VOCABULARY = row['cell'], row['hidden'], row['layers'], row['vocabulary']
BATCH, WINDOW, FEATURES = row['batch'], row['window'], row['features']

torch.set_num_threads(row['threads'])
torch.manual_seed(0)
embedding = None if FEATURES else nn.Embedding(VOCABULARY, HIDDEN)
width = FEATURES or HIDDEN
if CELL in ('lstm', 'gru'):
    rnn = (nn.LSTM if CELL == 'lstm' else nn.GRU)(width, HIDDEN, LAYERS)
else:
    rnn = nn.RNN(width, HIDDEN, LAYERS, nonlinearity=CELL)
head = nn.Linear(HIDDEN, VOCABULARY)
parameters = [p for module in (embedding, rnn, head) if module for p in module.parameters()]
adam = torch.optim.Adam(parameters, lr=1e-3)
inputs = torch.randn(WINDOW, BATCH, FEATURES) if FEATURES else torch.randint(VOCABULARY, (WINDOW, BATCH))
targets = torch.randint(VOCABULARY, (WINDOW * BATCH,))
zeros = torch.zeros(LAYERS, BATCH, HIDDEN)
state = (zeros, zeros.clone()) if CELL == 'lstm' else zeros


def loss_of(inputs, state):
    outputs, after = rnn(embedding(inputs) if embedding else inputs, state)
    return cross_entropy(head(outputs).flatten(0, 1), targets), after


if row['compile']:
    loss_of = torch.compile(loss_of)


def step():
    global state
    loss, after = loss_of(inputs, state)
    state = tuple(s.detach() for s in after) if isinstance(after, tuple) else after.detach()
    adam.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    adam.step()


for _ in range(3):
    step()
print('ready', flush=True)
for line in sys.stdin:
    began, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - began < float(line):
        step()
        steps += 1
    print(steps * BATCH * WINDOW / (time.perf_counter() - began), flush=True)
