/* Whatever is left out or wrong comes back as a status; nothing is read or written beyond what there is. */
#include "soft.h"

#include <stdio.h>
#include <stdlib.h>

static int failures;
#define EXPECT(call, wanted)                                                                                        \
  do {                                                                                                              \
    soft_status found = call;                                                                                       \
    if (found == wanted) break;                                                                                     \
    fprintf(stderr, "%d: %s: %s\n", __LINE__, #call, soft_status_text(found));                                      \
    failures++;                                                                                                     \
  } while (0)

enum { examples = 8, batch = 4 };

static soft_parameters parameters;
static soft_optimizer optimizer;
static uint8_t image[examples][28][28];
static int32_t label[examples], rows[examples] = {0, 1, 2, 3, 4, 5, 6, 7};

static soft_net whole(void) {
  int64_t bytes = soft_memory(batch, 1);
  return soft_make(&parameters, &optimizer, malloc((size_t)bytes), bytes);
}

static void wrong_nets(const soft_data *data) {
  soft_train_report report = soft_train_zero();
  soft_net net = whole();
  EXPECT(soft_initialize(NULL), soft_missing);
  net.parameters = NULL;
  EXPECT(soft_initialize(&net), soft_missing);
  EXPECT(soft_train(&net, data, rows, examples, batch, &report), soft_missing);
  net = whole(), net.optimizer = NULL;
  EXPECT(soft_initialize(&net), soft_missing);
  EXPECT(soft_train(&net, data, rows, examples, batch, &report), soft_missing);
  net = whole(), net.memory = NULL;
  EXPECT(soft_initialize(&net), soft_missing);
  net = whole(), net.memory_bytes = soft_train_memory(batch, 1) - 1;
  EXPECT(soft_train(&net, data, rows, examples, batch, &report), soft_small_memory);
  net = whole(), net.memory_bytes = 0;
  EXPECT(soft_initialize(&net), soft_small_memory);
}

static void wrong_calls(soft_data data) {
  soft_train_report report = soft_train_zero();
  soft_evaluate_report tested = soft_evaluate_zero();
  soft_net net = whole();
  int32_t far[2] = {0, examples}, below[1] = {-1};
  EXPECT(soft_initialize(&net), soft_ok);
  EXPECT(soft_train(NULL, &data, rows, examples, batch, &report), soft_missing);
  EXPECT(soft_train(&net, NULL, rows, examples, batch, &report), soft_missing);
  EXPECT(soft_train(&net, &data, NULL, examples, batch, &report), soft_missing);
  EXPECT(soft_train(&net, &data, rows, examples, batch, NULL), soft_missing);
  EXPECT(soft_train(&net, &data, rows, 0, batch, &report), soft_out_of_range);
  EXPECT(soft_train(&net, &data, far, 2, batch, &report), soft_out_of_range);
  EXPECT(soft_train(&net, &data, below, 1, batch, &report), soft_out_of_range);
  EXPECT(soft_train(&net, &data, rows, examples, 0, &report), soft_wrong_batch);
  EXPECT(soft_train(&net, &data, rows, examples, -1, &report), soft_wrong_batch);
  EXPECT(soft_train(&net, &data, rows, examples, INT64_MAX, &report), soft_wrong_batch);
  EXPECT(soft_train(&net, &data, rows, examples, 1 << 20, &report), soft_small_memory);
  data.examples = 0;
  EXPECT(soft_evaluate(&net, &data, rows, examples, batch, &tested), soft_out_of_range);
  data.examples = examples, data.label = NULL;
  EXPECT(soft_train(&net, &data, rows, examples, batch, &report), soft_missing);
  data.label = label, data.image = NULL;
  EXPECT(soft_evaluate(&net, &data, rows, examples, batch, &tested), soft_missing);
  if (report.steps || net.step) failures++, fprintf(stderr, "a call that failed has made steps\n");
}

static void wrong_runs(void) {
  soft_net net = whole();
  soft_inputs inputs = {NULL};
  soft_outputs outputs = {NULL};
  float probs[batch][10];
  EXPECT(soft_run(NULL, &inputs, batch, &outputs), soft_missing);
  EXPECT(soft_run(&net, NULL, batch, &outputs), soft_missing);
  EXPECT(soft_run(&net, &inputs, batch, NULL), soft_missing);
  EXPECT(soft_run(&net, &inputs, batch, &outputs), soft_missing);
  inputs.image = &image[0][0][0];
  EXPECT(soft_run(&net, &inputs, batch, &outputs), soft_missing);
  outputs.probs = &probs[0][0];
  EXPECT(soft_run(&net, &inputs, batch, &outputs), soft_ok);
  EXPECT(soft_run(&net, &inputs, 0, &outputs), soft_wrong_batch);
}

static void not_finite(soft_data data) {
  soft_train_report report = soft_train_zero();
  soft_net net = whole();
  EXPECT(soft_initialize(&net), soft_ok);
  parameters.dense_bias[3] = (float)(1e38 * 10) * 10 - (float)(1e38 * 10) * 10; /* NaN */
  EXPECT(soft_train(&net, &data, rows, examples, batch, &report), soft_not_finite);
  if (report.first_bad_step != 1 || report.steps != 1) failures++, fprintf(stderr, "the step that went wrong\n");
}

int main(void) {
  soft_data data;
  data.image = &image[0][0][0], data.label = label, data.examples = examples;
  wrong_nets(&data);
  wrong_calls(data);
  wrong_runs();
  not_finite(data);
  if (soft_memory(INT64_MAX, 1) != -1 || soft_memory(-1, 1) != -1 || soft_memory(4, 0) != -1 || soft_memory(4, -5) != -1)
    failures++, fprintf(stderr, "there is memory for anything\n");
  if (soft_memory(64, 1) <= soft_memory(4, 1) || soft_memory(64, 2) <= soft_memory(64, 1))
    failures++, fprintf(stderr, "memory does not grow\n");
  return failures != 0;
}
