"""Linear models in scikit-learn and liblinear, as a peer that stays alive: SGDClassifier, or LogisticRegression by liblinear.

    python3 linear_peer.py '{"folder": "/tmp/examples", "features": 1000000, "entries": 100, "solver": "sgd", "penalty": "l2",
                             "l1": 0, "l2": 1e-5, "rate": 0.1}'

The folder holds starts.i32, features.i32, values.f32 and classes.i32. Prints "ready" when it is warm; then, for each line SECONDS on
its input, trains so long and prints examples a second: of liblinear, examples times the iterations that it made.
"""
import json
import sys
import time
import warnings
from os.path import join

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, SGDClassifier

task = json.loads(sys.argv[1])


def read(name, kind):
    return np.fromfile(join(task['folder'], name), dtype=kind)


starts, classes = read('starts.i32', np.int32), read('classes.i32', np.int32)
rows = len(classes)
examples = csr_matrix((read('values.f32', np.float32).astype(np.float64), read('features.i32', np.int32), starts),
                      shape=(rows, task['features']))
warnings.filterwarnings('ignore')  # that it has not converged

if task['solver'] == 'sgd':
    ratio = task['l1'] / (task['l1'] + task['l2'])
    model = SGDClassifier(loss='log_loss', penalty=task['penalty'], alpha=task['l1'] + task['l2'], l1_ratio=ratio,
                          learning_rate='constant', eta0=task['rate'])

    def epoch():
        model.partial_fit(examples, classes, classes=[0, 1])
        return rows
else:
    strength = rows * (task['l1'] + task['l2'])  # its loss is a sum over the examples
    model = LogisticRegression(solver='liblinear', penalty=task['penalty'], C=1 / strength, max_iter=10, tol=1e-9)

    def epoch():
        model.fit(examples, classes)
        return rows * int(model.n_iter_[0])


epoch()
print('ready', flush=True)
for line in sys.stdin:
    began, done = time.perf_counter(), 0
    while done == 0 or time.perf_counter() - began < float(line):
        done += epoch()
    print(done / (time.perf_counter() - began), flush=True)
