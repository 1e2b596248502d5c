"""Compiles the C drivers of the peers for a lab that prepare.py made: `drivers.py LAB`."""

import pathlib
import subprocess
import sys

import lightgbm
import xgboost

HERE = pathlib.Path(__file__).parent


def compile_driver(out, source, library, *flags):
    subprocess.run(
        ["gcc", "-O3", "-Wall", *flags, "-o", out, HERE / source, library, f"-Wl,-rpath,{library.parent}", "-lm"],
        check=True,
    )


lab = pathlib.Path(sys.argv[1]).absolute()
for shape in ["gbdt", "forest"]:
    compile_driver(lab / f"tl2cgen-{shape}", "tl2cgen_driver.c", lab / f"{shape}.so", "-I", lab / shape)
compile_driver(lab / "xgboost", "xgboost_driver.c", pathlib.Path(xgboost.__file__).parent / "lib/libxgboost.so")
compile_driver(lab / "lightgbm", "lightgbm_driver.c", pathlib.Path(lightgbm.__file__).parent / "lib/lib_lightgbm.so")
