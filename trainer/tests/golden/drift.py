"""Writes drift.json: what scipy says of tail probabilities and two-sample tests.

Recorded with Python 3, numpy and scipy of the versions that it writes down:

    python drift.py > drift.json
"""

import json
import sys

import numpy as np
import scipy
from scipy import special, stats

random = np.random.default_rng(7)


def sample(case):
    """Two samples of float32 numbers, rounded so that some have ties."""
    n, m, shift, digits = case
    a = random.normal(size=n).astype(np.float32)
    b = (random.normal(size=m) * (1 + shift / 4) + shift).astype(np.float32)
    if digits is not None:
        a, b = a.round(digits), b.round(digits)
    exact = stats.ks_2samp(a, b, method="exact")
    size = n * m / (n + m)
    return {
        "reference": a.tolist(),
        "live": b.tolist(),
        "statistic": float(exact.statistic),
        "exact": float(exact.pvalue),
        "limit": float(special.kolmogorov(np.sqrt(size) * exact.statistic)),
    }


def table(counts):
    found = stats.chi2_contingency(np.array(counts), correction=False)
    return {
        "reference": counts[0],
        "live": counts[1],
        "statistic": float(found.statistic),
        "dof": int(found.dof),
        "p_value": float(found.pvalue),
    }


json.dump(
    {
        "versions": {
            "python": sys.version.split()[0],
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "chi2_sf": [
            [x, dof, float(stats.chi2.sf(x, dof))]
            for dof in (1, 2, 3, 7, 20, 69, 300)
            for x in (0.001, 0.5, 1.0, 3.84, 10.0, 40.0, 100.0, 350.0, 900.0)
        ],
        "f_sf": [
            [x, d1, d2, float(stats.f.sf(x, d1, d2))]
            for d1, d2 in ((1, 100), (2.5, 40), (7, 7), (30, 3000), (0.8, 900.5))
            for x in (0.01, 0.5, 1.0, 2.0, 5.0, 15.0)
        ],
        "kolmogorov": [
            [x, float(special.kolmogorov(x))]
            for x in (0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 0.82, 0.83, 1.0, 1.36, 2.0, 4.0, 10.0)
        ],
        "ks": [
            sample(case)
            for case in [
                (1, 1, 0, None),
                (5, 7, 0, None),
                (30, 30, 0.3, None),
                (30, 45, 0.8, 1),
                (200, 50, 0.2, None),
                (300, 300, 0.1, 1),
                (400, 350, 0, 2),
            ]
        ],
        "chi_squared": [
            table(counts)
            for counts in [
                [[10, 20, 30], [12, 18, 33]],
                [[100, 200], [150, 180]],
                [[1000, 20, 500, 80], [900, 60, 480, 30]],
                [[50, 50, 50, 50, 50], [60, 40, 55, 45, 50]],
            ]
        ],
        "false_discovery": [
            {"p": p, "q": stats.false_discovery_control(p).tolist()}
            for p in [
                [0.01, 0.04, 0.03, 0.5],
                [0.001, 0.9, 0.02, 0.02, 1.0, 0.3],
                [0.2],
            ]
        ],
    },
    sys.stdout,
    indent=1,
)
print()
