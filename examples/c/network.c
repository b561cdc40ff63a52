/* The lesson's network in C: sigmoid layers, no biases, half the mean squared error, plain gradient descent.

   It takes part in a comparison over its standard input and output (docs/protocol.md):

       cc -O2 -o network network.c -lm
       backprop-compare check --command ./network                                                                             */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELLO = 1, LOAD = 2, STEP = 3, PREDICT = 4, BYE = 5, REPLY = 0x80 };
enum { FLOAT64 = 1 };

/* ---- The network: weights (out, in), records in rows. */

static size_t inputs, hidden, outputs;
static double *w1, *w2; /* (hidden, inputs), (outputs, hidden) */

static double sigmoid(double z) { return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z)); }

/* a = sigmoid(x wT): x (n, in), w (out, in), a (n, out). */
static void forward(const double *x, const double *w, double *a, size_t n, size_t in, size_t out) {
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < out; j++) {
            double z = 0;
            for (size_t i = 0; i < in; i++) z += x[r * in + i] * w[j * in + i];
            a[r * out + j] = sigmoid(z);
        }
}

/* grad = deltaT x: delta (n, out), x (n, in), grad (out, in). */
static void gradient(const double *delta, const double *x, double *grad, size_t n, size_t in, size_t out) {
    memset(grad, 0, out * in * sizeof *grad);
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < out; j++)
            for (size_t i = 0; i < in; i++) grad[j * in + i] += delta[r * out + j] * x[r * in + i];
}

/* ---- Frames: a header of 40 bytes, then named arrays, all little-endian, as this program takes its machine to be. */

typedef struct { char magic[4]; uint16_t version, kind; unsigned char nonce[16]; uint64_t step, length; } Header;
typedef struct { unsigned char *data; size_t size, at; } Buffer;

static void fail(const char *why) { fprintf(stderr, "%s\n", why); exit(1); }

static void *room(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory) fail("not enough memory");
    return memory;
}

static void put(Buffer *to, const void *data, size_t size) {
    if (to->at + size > to->size) {
        to->size = 2 * (to->at + size);
        to->data = realloc(to->data, to->size);
        if (!to->data) fail("not enough memory");
    }
    memcpy(to->data + to->at, data, size);
    to->at += size;
}

static void put_array(Buffer *to, const char *name, const double *values, size_t rows, size_t columns, int dimensions) {
    uint16_t length = (uint16_t)strlen(name);
    unsigned char kind[2] = {FLOAT64, (unsigned char)dimensions};
    uint64_t shape[2] = {rows, columns};
    put(to, &length, 2);
    put(to, name, length);
    put(to, kind, 2);
    put(to, shape, 8 * (size_t)dimensions);
    put(to, values, rows * columns * sizeof *values);
}

/* The array of that name in a payload of float64 arrays and others; its rows and columns, where they are asked for. */
static double *array(const unsigned char *payload, const char *wanted, size_t *rows, size_t *columns) {
    uint32_t count;
    size_t at = 4;
    memcpy(&count, payload, 4);
    for (uint32_t k = 0; k < count; k++) {
        static const size_t sizes[] = {0, 8, 4, 8, 1};
        uint16_t length;
        uint64_t dimension, shape[2] = {1, 1}, n = 1;
        memcpy(&length, payload + at, 2);
        const char *name = (const char *)payload + at + 2;
        unsigned char dtype = payload[at + 2 + length], dimensions = payload[at + 3 + length];
        at += 4 + length;
        for (int d = 0; d < dimensions; d++, at += 8) {
            memcpy(&dimension, payload + at, 8);
            n *= dimension;
            if (d < 2) shape[d] = dimension;
        }
        if (length == strlen(wanted) && !memcmp(name, wanted, length) && dtype == FLOAT64) {
            double *values = room(n * sizeof *values);
            memcpy(values, payload + at, n * sizeof *values);
            if (rows) *rows = shape[0];
            if (columns) *columns = shape[1];
            return values;
        }
        at += n * sizes[dtype];
    }
    fail("an array that is needed was not sent");
    return NULL;
}

static void answer(const Header *question, const Buffer *payload, uint32_t count) {
    Header header = *question;
    header.kind |= REPLY;
    header.length = 4 + payload->at;
    fwrite(&header, sizeof header, 1, stdout);
    fwrite(&count, 4, 1, stdout);
    fwrite(payload->data, 1, payload->at, stdout);
    fflush(stdout);
}

/* ---- One step: forward, the error terms on the way back, the gradients, the update; all of it is shown. */

static uint32_t step(const unsigned char *payload, Buffer *record) {
    size_t n;
    double *x = array(payload, "x", &n, NULL), *y = array(payload, "y", NULL, NULL), *lr = array(payload, "lr", NULL, NULL);
    double *a1 = room(n * hidden * sizeof *a1), *a2 = room(n * outputs * sizeof *a2), loss = 0;
    double *d1 = room(n * hidden * sizeof *d1), *d2 = room(n * outputs * sizeof *d2);
    double *g1 = room(hidden * inputs * sizeof *g1), *g2 = room(outputs * hidden * sizeof *g2);
    double terms = (double)(n * outputs);

    forward(x, w1, a1, n, inputs, hidden);
    forward(a1, w2, a2, n, hidden, outputs);
    for (size_t k = 0; k < n * outputs; k++) {
        double error = a2[k] - y[k];
        loss += error * error / 2 / terms;
        d2[k] = error / terms * a2[k] * (1 - a2[k]);
    }
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < hidden; j++) {
            double back = 0, a = a1[r * hidden + j];
            for (size_t k = 0; k < outputs; k++) back += d2[r * outputs + k] * w2[k * hidden + j];
            d1[r * hidden + j] = back * a * (1 - a);
        }
    gradient(d2, a1, g2, n, hidden, outputs);
    gradient(d1, x, g1, n, inputs, hidden);
    for (size_t k = 0; k < hidden * inputs; k++) w1[k] -= *lr * g1[k];
    for (size_t k = 0; k < outputs * hidden; k++) w2[k] -= *lr * g2[k];

    put_array(record, "output", a2, n, outputs, 2);
    put_array(record, "loss", &loss, 1, 1, 0);
    put_array(record, "activations/1", a1, n, hidden, 2);
    put_array(record, "errors/2", d2, n, outputs, 2);
    put_array(record, "errors/0", d1, n, hidden, 2);
    put_array(record, "grads/2.weight", g2, outputs, hidden, 2);
    put_array(record, "grads/0.weight", g1, hidden, inputs, 2);
    put_array(record, "params/2.weight", w2, outputs, hidden, 2);
    put_array(record, "params/0.weight", w1, hidden, inputs, 2);
    free(x), free(y), free(lr), free(a1), free(a2), free(d1), free(d2), free(g1), free(g2);
    return 9;
}

int main(void) {
    Header header;
    while (fread(&header, sizeof header, 1, stdin) == 1) {
        unsigned char *payload = room(header.length);
        if (header.length && fread(payload, header.length, 1, stdin) != 1) fail("a frame ended too early");
        Buffer reply = {NULL, 0, 0};
        uint32_t count = 0;
        if (header.kind == LOAD) {
            free(w1), free(w2);
            w1 = array(payload, "0.weight", &hidden, &inputs);
            w2 = array(payload, "2.weight", &outputs, NULL);
        } else if (header.kind == STEP) {
            count = step(payload, &reply);
        } else if (header.kind == PREDICT) {
            size_t n;
            double *x = array(payload, "x", &n, NULL);
            double *a1 = room(n * hidden * sizeof *a1), *a2 = room(n * outputs * sizeof *a2);
            forward(x, w1, a1, n, inputs, hidden);
            forward(a1, w2, a2, n, hidden, outputs);
            put_array(&reply, "output", a2, n, outputs, 2);
            count = 1;
            free(x), free(a1), free(a2);
        }
        answer(&header, &reply, count);
        free(payload), free(reply.data);
        if (header.kind == BYE) return 0;
    }
    return 0;
}
