/* Times XGBoost through its C API, on one thread. The wheel has no headers: what is used is declared here. */
#include "driver.h"

typedef void *handle;
typedef uint64_t bst_ulong;
const char *XGBGetLastError(void);
void XGBoostVersion(int *, int *, int *);
int XGBoosterCreate(const handle *, bst_ulong, handle *);
int XGBoosterLoadModel(handle, const char *);
int XGBoosterSetParam(handle, const char *, const char *);
int XGDMatrixCreateFromMat(const float *, bst_ulong, bst_ulong, float, handle *);
int XGDMatrixFree(handle);
int XGBoosterPredictFromDMatrix(handle, handle, const char *, const bst_ulong **, bst_ulong *, const float **);
int XGBoosterPredictFromDense(handle, const char *, const char *, handle, const bst_ulong **, bst_ulong *, const float **);

#define MARGINS "{\"type\":1,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":false,\"cache_id\":0,\"missing\":NaN}"
#define CONTRIBUTIONS "{\"type\":2,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":false}"

static handle booster;
static size_t n_explained;

static void check(int code) {
    if (code) fail("xgboost", XGBGetLastError());
}

/* Without a copy: the library reads the rows where they are. */
static void score(size_t first, size_t count) {
    char array[256];
    snprintf(array, sizeof array, "{\"data\":[%llu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (unsigned long long)(uintptr_t)(rows + first * n_features), count, n_features);
    const bst_ulong *shape;
    bst_ulong n_dims;
    const float *result;
    check(XGBoosterPredictFromDense(booster, array, MARGINS, NULL, &shape, &n_dims, &result));
    for (size_t i = 0; i < count; i++) output[first + i] = result[i];
}

static void single(void) {
    for (size_t row = 0; row < n_rows; row++) score(row, 1);
}

static void batch(void) { score(0, n_rows); }

/* Contributions need a matrix: making it is a part of a caller's time. */
static void explain_rows(size_t first, size_t count) {
    handle matrix;
    check(XGDMatrixCreateFromMat(rows + first * n_features, count, n_features, __builtin_nanf(""), &matrix));
    const bst_ulong *shape;
    bst_ulong n_dims;
    const float *result;
    check(XGBoosterPredictFromDMatrix(booster, matrix, CONTRIBUTIONS, &shape, &n_dims, &result));
    size_t width = n_features + 1;
    for (size_t i = 0; i < count * width; i++) output[first * width + i] = result[i];
    check(XGDMatrixFree(matrix));
}

static void explain_single(void) {
    for (size_t row = 0; row < n_explained; row++) explain_rows(row, 1);
}

static void explain_batch(void) { explain_rows(0, n_explained); }

int main(int argc, char **argv) {
    if (argc != 4) fail("usage", "MODEL.ubj ROWS N_FEATURES");
    read_rows(argv[2], argv[3]);
    n_explained = n_rows < N_EXPLAINED ? n_rows : N_EXPLAINED;
    check(XGBoosterCreate(NULL, 0, &booster));
    check(XGBoosterLoadModel(booster, argv[1]));
    check(XGBoosterSetParam(booster, "nthread", "1"));
    int major, minor, patch;
    XGBoostVersion(&major, &minor, &patch);
    char version[32];
    snprintf(version, sizeof version, "xgboost %d.%d.%d", major, minor, patch);
    size_t n_numbers = n_explained * (n_features + 1);
    const struct mode modes[] = {
        {"single", single, n_rows, n_rows},
        {"batch", batch, n_rows, n_rows},
        {"explain", explain_single, n_explained, n_numbers},
        {"explain-batch", explain_batch, n_explained, n_numbers},
    };
    serve(version, "truth", modes, 4);
}
