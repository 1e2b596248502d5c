/* Times LightGBM through its C API, on one thread. The wheel has no headers: what is used is declared here. */
#include "driver.h"

typedef void *handle;
const char *LGBM_GetLastError(void);
int LGBM_BoosterCreateFromModelfile(const char *, int *, handle *);
int LGBM_BoosterPredictForMatSingleRowFastInit(handle, int, int, int, int, int32_t, const char *, handle *);
int LGBM_BoosterPredictForMatSingleRowFast(handle, const void *, int64_t *, double *);
int LGBM_BoosterPredictForMat(handle, const void *, int, int32_t, int32_t, int, int, int, int, const char *, int64_t *, double *);

enum { F32 = 0, RAW_SCORE = 1, ROW_MAJOR = 1 };

static handle booster, fast;
static const char OPTIONS[] = "num_threads=1";

static void check(int code) {
    if (code) fail("lightgbm", LGBM_GetLastError());
}

static void single(void) {
    int64_t n_numbers;
    for (size_t row = 0; row < n_rows; row++)
        check(LGBM_BoosterPredictForMatSingleRowFast(fast, rows + row * n_features, &n_numbers, output + row));
}

static void batch(void) {
    int64_t n_numbers;
    check(LGBM_BoosterPredictForMat(booster, rows, F32, (int32_t)n_rows, (int32_t)n_features, ROW_MAJOR, RAW_SCORE, 0, 0,
                                    OPTIONS, &n_numbers, output));
}

int main(int argc, char **argv) {
    if (argc != 5) fail("usage", "MODEL.txt ROWS N_FEATURES VERSION");
    read_rows(argv[2], argv[3]);
    int n_iterations;
    check(LGBM_BoosterCreateFromModelfile(argv[1], &n_iterations, &booster));
    check(LGBM_BoosterPredictForMatSingleRowFastInit(booster, RAW_SCORE, 0, 0, F32, (int32_t)n_features, OPTIONS, &fast));
    const struct mode modes[] = {{"single", single, n_rows, n_rows}, {"batch", batch, n_rows, n_rows}};
    serve(argv[4], "own", modes, 2);
}
