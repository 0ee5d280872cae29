/* Trains any net of digits, whose prefix is `net`, for some steps: any FOLDER STEPS OUT [MEMBERS]
   STATES, OPTIMIZER, THREADS are defined where there are some, STEPS where a schedule reads them. */
#include "net.h"
#include "read_all.h"

#ifdef THREADS
#include "threads.h"
#endif

#ifdef STATES
#define STATES_ &states,
#else
#define STATES_
#endif
#ifdef OPTIMIZER
#define OPTIMIZER_ &optimizer,
#else
#define OPTIMIZER_
#endif

static net_parameters parameters;
#ifdef STATES
static net_states states;
#endif
#ifdef OPTIMIZER
static net_optimizer optimizer;
#endif

static net_data digits(const char *folder) {
  long size, i;
  net_data data;
  uint8_t *labels = read_all(folder, "train-labels-idx1-ubyte", &size);
  int32_t *wide = malloc((size_t)size * sizeof *wide);
  data.examples = size - 8;
  for (i = 8; i < size; i++) wide[i - 8] = labels[i];
  data.label = wide;
  data.image = read_all(folder, "train-images-idx3-ubyte", &size) + 16;
  return data;
}

int main(int count, char **words) {
  int members = count > 4 ? atoi(words[4]) : 1;
  int64_t bytes = net_memory(NET_BATCH, members), steps;
  net_net net = net_make(&parameters, STATES_ OPTIMIZER_ malloc((size_t)bytes), bytes);
  net_train_report report = net_train_zero();
  net_data data;
  net_status status;
  int32_t *rows;
  FILE *file;
  if (count < 4) return 2;
#ifdef THREADS
  net.team = nnc_threads_start(members);
#endif
  data = digits(words[1]);
  steps = atoi(words[2]);
#ifdef NET_VALIDATION
  data.examples -= NET_VALIDATION;
#endif
  rows = malloc((size_t)data.examples * sizeof *rows);
  net_shuffle(rows, data.examples, net.seed, 1);
#ifdef STEPS
  net.steps = steps;
#endif
  status = net_initialize(&net);
  if (!status) status = net_train(&net, &data, rows, steps * NET_BATCH, NET_BATCH, &report);
  if (status) return fprintf(stderr, "%s\n", net_status_text(status)), 3;
  file = fopen(words[3], "wb");
  return !file || fwrite(&parameters, sizeof parameters, 1, file) != 1 || fclose(file);
}
