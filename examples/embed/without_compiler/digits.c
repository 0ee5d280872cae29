/* Trains a net on digits and then reads some of them: C99 with the C library alone. The net is the object and the header
   that nnc made of softmax.nn.

       digits FOLDER [WEIGHTS]       FOLDER: IDX files as of MNIST; WEIGHTS: a file for the parameters, as they lie in memory */
#include "softmax.h"

#include <stdio.h>
#include <stdlib.h>

enum { pixels = 28 * 28, classes = 10 };

/* What an IDX file holds, its header in front; null where it cannot be read. count: of examples, from the header. */
static uint8_t *read_idx(const char *folder, const char *name, int64_t *count) {
  char path[4096];
  uint8_t *bytes = NULL;
  long size;
  FILE *file;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  file = fopen(path, "rb");
  if (file && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 16 && fseek(file, 0, SEEK_SET) == 0) {
    bytes = (uint8_t *)malloc((size_t)size);
    if (bytes && fread(bytes, 1, (size_t)size, file) != (size_t)size) free(bytes), bytes = NULL;
    if (bytes) {
      int64_t each = bytes[3] == 3 ? pixels : 1, header = 4 + 4 * bytes[3];
      *count = (int64_t)bytes[4] << 24 | bytes[5] << 16 | bytes[6] << 8 | bytes[7];
      if (header + *count * each != size) free(bytes), bytes = NULL;
    }
  }
  if (file) fclose(file);
  if (!bytes) fprintf(stderr, "digits: cannot read %s\n", path);
  return bytes;
}

/* Images and labels; the net reads them where they are, but wants labels of 32 bits. */
static int open_digits(const char *folder, const char *images, const char *labels, softmax_data *data) {
  int64_t count = 0, labelled = 0, i;
  uint8_t *image = read_idx(folder, images, &count), *label = read_idx(folder, labels, &labelled);
  int32_t *numbers = (int32_t *)malloc((size_t)(labelled > 0 ? labelled : 1) * sizeof *numbers);
  if (!image || !label || !numbers || count != labelled) return 0;
  for (i = 0; i < labelled; i++) numbers[i] = label[8 + i];
  free(label);
  data->image = image + 16;
  data->label = numbers;
  data->examples = count;
  return 1;
}

static int failed(softmax_status status, const char *call) {
  if (status) fprintf(stderr, "digits: %s: %s\n", call, softmax_status_text(status));
  return status != softmax_ok;
}

/* One epoch after the other, in the order of nnc --train, so that the weights are the same to the last bit. */
static int train(softmax_net *net, const softmax_data *data, int32_t *rows) {
  int64_t epoch;
  for (epoch = 1; epoch <= SOFTMAX_EPOCHS; epoch++) {
    softmax_train_report report = softmax_train_zero();
    softmax_shuffle(rows, data->examples, net->seed, epoch);
    if (failed(softmax_train(net, data, rows, data->examples, SOFTMAX_BATCH, &report), "training")) return 0;
    printf("epoch %d  loss %.4f  accuracy %.4f\n", (int)epoch, report.sum.loss / (double)report.examples,
           report.sum.accuracy / (double)report.examples);
  }
  return 1;
}

static int test(const softmax_net *net, const softmax_data *data, int32_t *rows) {
  softmax_evaluate_report report = softmax_evaluate_zero();
  int64_t i;
  for (i = 0; i < data->examples; i++) rows[i] = (int32_t)i;
  if (failed(softmax_evaluate(net, data, rows, data->examples, SOFTMAX_BATCH, &report), "testing")) return 0;
  printf("test accuracy %.4f\n", report.sum.accuracy / (double)report.examples);
  return 1;
}

static int predict(const softmax_net *net, const softmax_data *data) {
  enum { batch = 8 };
  float probs[batch][classes];
  softmax_inputs inputs;
  softmax_outputs outputs;
  int i, k;
  inputs.image = data->image;
  outputs.probs = &probs[0][0];
  if (failed(softmax_run(net, &inputs, batch, &outputs), "running")) return 0;
  for (i = 0; i < batch; i++) {
    int best = 0;
    for (k = 1; k < classes; k++)
      if (probs[i][k] > probs[i][best]) best = k;
    printf("%d is read as %d (%.0f %%)\n", (int)data->label[i], best, 100 * probs[i][best]);
  }
  return 1;
}

static int save(const softmax_parameters *parameters, const char *path) {
  FILE *file = fopen(path, "wb");
  int written = file && fwrite(parameters, sizeof *parameters, 1, file) == 1;
  if (file && fclose(file) != 0) written = 0;
  if (!written) fprintf(stderr, "digits: cannot write %s\n", path);
  return written;
}

int main(int count, char **words) {
  static softmax_parameters parameters;
  static softmax_optimizer optimizer;
  softmax_data training, testing;
  int64_t bytes = softmax_memory(SOFTMAX_BATCH, 1);
  softmax_net net = softmax_make(&parameters, &optimizer, malloc((size_t)bytes), bytes);
  int32_t *rows;
  if (count < 2) return fprintf(stderr, "digits FOLDER [WEIGHTS]\n"), 2;
  if (!open_digits(words[1], "train-images-idx3-ubyte", "train-labels-idx1-ubyte", &training)) return 1;
  if (!open_digits(words[1], "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", &testing)) return 1;
  rows = (int32_t *)malloc((size_t)(training.examples + testing.examples) * sizeof *rows);
  if (!rows || failed(softmax_initialize(&net), "initializing")) return 1;
  if (!train(&net, &training, rows) || !test(&net, &testing, rows) || !predict(&net, &testing)) return 1;
  return count > 2 && !save(&parameters, words[2]);
}
