/* A net whose code is made for one size of batch, and whose numbers follow the steps and the epoch. */
#include "chain.h"

#include <stdio.h>
#include <stdlib.h>

#define EXPECT(call, wanted)                                                                                        \
  do {                                                                                                              \
    chain_status found = call;                                                                                      \
    if (found != wanted) return fprintf(stderr, "%d: %s: %s\n", __LINE__, #call, chain_status_text(found)), 1;       \
  } while (0)

int main(void) {
  static chain_parameters parameters;
  static chain_optimizer optimizer;
  static float x[12][4], y[12][4], z[12][4];
  int32_t rows[12];
  int64_t bytes = chain_memory(CHAIN_BATCH, 1);
  chain_net net = chain_make(&parameters, &optimizer, malloc((size_t)bytes), bytes);
  chain_train_report report = chain_train_zero();
  chain_data data;
  chain_inputs inputs;
  chain_outputs outputs;
  data.x = &x[0][0], data.y = &y[0][0], data.examples = 12;
  inputs.x = &x[0][0], outputs.z = &z[0][0];
  chain_shuffle(rows, 12, net.seed, 1);
  EXPECT(chain_initialize(&net), chain_ok);
  EXPECT(chain_train(&net, &data, rows, 12, 6, &report), chain_out_of_range); /* of how many steps? */
  net.steps = 2;
  net.epoch = 0;
  EXPECT(chain_train(&net, &data, rows, 12, 6, &report), chain_out_of_range);
  net.epoch = 1;
  EXPECT(chain_train(&net, &data, rows, 12, 4, &report), chain_wrong_batch);
  EXPECT(chain_train(&net, &data, rows, 10, 6, &report), chain_wrong_batch);
  EXPECT(chain_train(&net, &data, rows, 12, 6, &report), chain_ok);
  EXPECT(chain_run(&net, &inputs, 5, &outputs), chain_wrong_batch);
  EXPECT(chain_run(&net, &inputs, 6, &outputs), chain_ok);
  return report.steps != 2 || net.step != 2;
}
