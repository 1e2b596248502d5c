/* Times a model that tl2cgen wrote as C: predict() in a loop over the rows. Compiled with the model's own header,
 * which says whether its thresholds and leaves are float or double, and linked to its library. */
#include "driver.h"
#include "header.h"

#define LEAVES_ARE_DOUBLE _Generic(&predict, void (*)(union Entry *, int, double *): 1, default: 0)

static int32_t n_outputs;

/* Entries are made afresh for every row, as a caller with a new row has to. */
static void single(void) {
    union Entry entries[n_features];
    union {
        float f32[MAX_N_CLASS];
        double f64[MAX_N_CLASS];
    } result;
    void *leaves = &result;
    for (size_t row = 0; row < n_rows; row++) {
        const float *values = rows + row * n_features;
        for (size_t i = 0; i < n_features; i++) {
            if (isnan(values[i]))
                entries[i].missing = -1;
            else
                entries[i].fvalue = values[i];
        }
        memset(leaves, 0, sizeof result);
        predict(entries, 1, leaves);
        output[row] = LEAVES_ARE_DOUBLE ? result.f64[n_outputs - 1] : result.f32[n_outputs - 1];
    }
}

int main(int argc, char **argv) {
    if (argc != 4) fail("usage", "ROWS N_FEATURES VERSION");
    read_rows(argv[1], argv[2]);
    get_num_class(&n_outputs);
    const struct mode modes[] = {{"single", single, n_rows, n_rows}};
    serve(argv[3], "truth", modes, 1);
}
