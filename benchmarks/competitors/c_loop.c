/* The lesson's loop over records in C: INPUTS features, HIDDEN sigmoid units, one sigmoid output. The features of a record are n apart, so
   that the compiler takes several records at a time, and e^-z of several. */

#include <math.h>

void train(const double *restrict x, const double *restrict y, double *restrict weights1, double *restrict weights2, long n, double lr,
           long epochs, double *restrict losses)
{
    for (long epoch = 0; epoch < epochs; epoch++) {
        double w1[HIDDEN][INPUTS], w2[HIDDEN], step1[HIDDEN][INPUTS] = {{0}}, step2[HIDDEN] = {0}, loss = 0;
        for (int j = 0; j < HIDDEN; j++) {
            w2[j] = weights2[j];
            for (int i = 0; i < INPUTS; i++)
                w1[j][i] = weights1[j * INPUTS + i];
        }
        for (long record = 0; record < n; record++) {
            double hidden[HIDDEN], z2 = 0;
            for (int j = 0; j < HIDDEN; j++) {
                double z1 = 0;
                for (int i = 0; i < INPUTS; i++)
                    z1 += w1[j][i] * x[i * n + record];
                hidden[j] = 1 / (1 + exp(-z1));
                z2 += w2[j] * hidden[j];
            }
            double output = 1 / (1 + exp(-z2));
            double error = y[record] - output;
            loss += error * error;
            double term2 = error * output * (1 - output);
            for (int j = 0; j < HIDDEN; j++) {
                double term1 = term2 * w2[j] * hidden[j] * (1 - hidden[j]);
                step2[j] += term2 * hidden[j];
                for (int i = 0; i < INPUTS; i++)
                    step1[j][i] += term1 * x[i * n + record];
            }
        }
        losses[epoch] = loss / (2 * n);
        for (int j = 0; j < HIDDEN; j++) {
            weights2[j] += lr * step2[j] / n;
            for (int i = 0; i < INPUTS; i++)
                weights1[j * INPUTS + i] += lr * step1[j][i] / n;
        }
    }
}
