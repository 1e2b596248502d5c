"""ROC-AUC of engines on the same test rows, with intervals that resample groups of equal rows."""

import numpy as np

N_RESAMPLES = 400


def weighted_auc(score, positive, negative):
    """The ROC-AUC where row i stands `positive[i]` and `negative[i]` times; ties count as half."""
    order = np.argsort(score, kind="stable")
    score, positive, negative = score[order], positive[order], negative[order]
    first = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    positive, negative = np.add.reduceat(positive, first), np.add.reduceat(negative, first)
    below = np.cumsum(negative) - negative
    return np.sum(positive * (below + negative / 2)) / (positive.sum() * negative.sum())


class GroupedAuc:
    """Collects rounds; the mean over rounds is what is reported."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.points = {}
        self.samples = {}

    def add(self, label, group, scores):
        """One round: `label` and `group` of shape (n_rows,), `scores` of each engine likewise."""
        n_groups = group.max() + 1
        positive = np.bincount(group, label, n_groups)
        negative = np.bincount(group, ~label, n_groups)
        first = np.unique(group, return_index=True)[1]
        # The same draws for every engine: differences are then paired.
        draws = [np.bincount(self.random.integers(0, n_groups, n_groups), minlength=n_groups) for _ in range(N_RESAMPLES)]
        for engine, of_rows in scores.items():
            if len(of_rows) != len(label):
                raise ValueError(f"{engine} scored {len(of_rows)} rows; expected {len(label)}")
            score = np.asarray(of_rows)[first]
            self.points.setdefault(engine, []).append(weighted_auc(score, positive, negative))
            sampled = [weighted_auc(score, positive * draw, negative * draw) for draw in draws]
            self.samples.setdefault(engine, []).append(sampled)

    def interval(self, points, samples):
        low, high = np.quantile(np.mean(samples, axis=0), [0.025, 0.975])
        return float(np.mean(points)), float(low), float(high)

    def of(self, engine):
        """Mean over rounds, low and high."""
        return self.interval(self.points[engine], self.samples[engine])

    def difference(self, engine, other):
        """The same of one engine less another."""
        points = np.subtract(self.points[engine], self.points[other])
        return self.interval(points, np.subtract(self.samples[engine], self.samples[other]))
