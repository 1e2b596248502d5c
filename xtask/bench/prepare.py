"""Trains the peers' models of both shapes and writes them in every form that the benches load.

Called by `cargo xtask bench`. `gbdt` is XGBoost's 200 trees of depth 6, `forest` scikit-learn's 100 trees of
full depth. LightGBM and YDF read neither file: they train trees of their own of the same shape.
Rows for the timing come in random order, as raw little-endian f32; so do the truths, as f64.
The last file written is lab.json: a folder without it is not whole.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import platform
import shutil
import subprocess

import joblib
import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import pandas as pd
import skl2onnx
import sklearn
import tl2cgen
import treelite
import xgboost
import ydf
from sklearn.ensemble import RandomForestClassifier

N_ROWS = 10_000


def gbdt(x, y, seed, out):
    """XGBoost's model as JSON, UBJSON and ONNX; gives treelite's form of it and the truth's function."""
    options = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "tree_method": "hist", "seed": seed, "nthread": 1}
    booster = xgboost.train(options, xgboost.DMatrix(x, y), 200)
    booster.save_model(out / "gbdt.json")
    booster.save_model(out / "gbdt.ubj")
    kind = onnxmltools.convert.common.data_types.FloatTensorType([None, x.shape[1]])
    model = onnxmltools.convert_xgboost(booster, initial_types=[("x", kind)])
    onnx.save(model, out / "gbdt.onnx")
    joblib.dump(xgboost.Booster(model_file=out / "gbdt.json"), out / "gbdt.pickle")
    truth = lambda rows: booster.predict(xgboost.DMatrix(rows), output_margin=True)
    return treelite.frontend.load_xgboost_model(out / "gbdt.json"), truth


def forest(x, y, seed, out):
    """scikit-learn's forest pickled and as ONNX; gives treelite's form of it and the truth's function."""
    model = RandomForestClassifier(100, random_state=seed, n_jobs=1).fit(x, y)
    joblib.dump(model, out / "forest.pickle")
    joblib.dump(model, out / "forest-compressed.pickle", compress=3)
    options = {id(model): {"zipmap": False}}
    onnx.save(skl2onnx.to_onnx(model, x[:1], options=options), out / "forest.onnx")
    return treelite.sklearn.import_model(model), lambda rows: model.predict_proba(rows)[:, 1]


def compile_c(model, out):
    """treelite's model as C, compiled by gcc -O3, with the header that the driver includes."""
    source = out.with_suffix("")
    shutil.rmtree(source, ignore_errors=True)
    tl2cgen.generate_c_code(model, source, params={"parallel_comp": 16})
    units = sorted(source.glob("*.c"))
    compile_unit = lambda unit: subprocess.run(["gcc", "-O3", "-fPIC", "-c", unit.name], cwd=source, check=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_unit, units))
    objects = [unit.with_suffix(".o").name for unit in units]
    subprocess.run(["gcc", "-shared", "-o", out, *objects, "-lm"], cwd=source, check=True)


def own_trees(x, y, seed, out):
    """LightGBM's and YDF's models of the same shapes."""
    lightgbm.train(
        {"objective": "binary", "num_leaves": 64, "max_depth": 6, "learning_rate": 0.1, "seed": seed, "num_threads": 1, "verbose": -1},
        lightgbm.Dataset(x, y),
        200,
    ).save_model(out / "gbdt.lightgbm.txt")
    data = {f"f{i}": x[:, i] for i in range(x.shape[1])} | {"y": y}
    features = [ydf.Feature(f"f{i}", ydf.Semantic.NUMERICAL) for i in range(x.shape[1])]
    shared = {"label": "y", "features": features, "random_seed": seed, "num_threads": 1}
    # YDF counts the root as depth 1.
    learners = {
        "gbdt": ydf.GradientBoostedTreesLearner(
            num_trees=200, max_depth=7, shrinkage=0.1, early_stopping="NONE", validation_ratio=0.0, **shared
        ),
        "forest": ydf.RandomForestLearner(
            num_trees=100, max_depth=-1, min_examples=1, winner_take_all=False, compute_oob_performances=False, **shared
        ),
    }
    for shape, learner in learners.items():
        folder = out / f"{shape}.ydf"
        learner.train(data, verbose=0).save(str(folder))
        shutil.make_archive(str(folder), "zip", folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(args.data)
    y = (table.pop("Result") == -1).to_numpy(np.int64)
    x = np.ascontiguousarray(table.to_numpy(np.float32))
    random = np.random.default_rng(args.seed)
    order = random.permutation(len(x))
    x, y = x[order], y[order]
    chosen = random.permutation(len(x))[:N_ROWS] if len(x) >= N_ROWS else random.integers(len(x), size=N_ROWS)
    rows = np.ascontiguousarray(x[chosen])
    rows.astype("<f4").tofile(args.out / "rows.f32")
    for shape, fit in {"gbdt": gbdt, "forest": forest}.items():
        tree_model, truth = fit(x, y, args.seed, args.out)
        np.asarray(truth(rows), "<f8").tofile(args.out / f"{shape}.truth.f64")
        compile_c(tree_model, args.out / f"{shape}.so")
    own_trees(x, y, args.seed, args.out)
    modules = [joblib, lightgbm, onnx, onnxruntime, sklearn, tl2cgen, treelite, xgboost, ydf]
    gcc = subprocess.run(["gcc", "-dumpfullversion"], check=True, capture_output=True, text=True).stdout.strip()
    lab = {
        "n_rows": len(rows),
        "n_features": x.shape[1],
        "versions": {module.__name__: module.__version__ for module in modules} | {"gcc": gcc, "python": platform.python_version()},
    }
    (args.out / "lab.json").write_text(json.dumps(lab))


main()
