/* Two nets in one program, each trained by a thread of its own, on a team of its own: pair FOLDER MEMBERS OUT OUT */
#include "one.h"
#include "two.h"

#include "read_all.h"
#include "threads.h"

#include <pthread.h>

static const uint8_t *image;
static int32_t *label;
static int64_t examples;
static int32_t members;
static one_parameters first;
static two_parameters second;

#define TRAIN(net_name, parameters, capitals)                                                                       \
  int64_t bytes = net_name##_memory(capitals##_BATCH, members);                                                     \
  net_name##_data data;                                                                                             \
  net_name##_train_report report = net_name##_train_zero();                                                         \
  int32_t *rows = malloc((size_t)examples * sizeof *rows);                                                          \
  data.image = image, data.label = label, data.examples = examples;                                                 \
  net.memory = malloc((size_t)bytes), net.memory_bytes = bytes, net.team = nnc_threads_start(members);              \
  if (!net.team || !rows || net_name##_initialize(&net)) exit(2);                                                   \
  net_name##_shuffle(rows, examples, net.seed, 1);                                                                  \
  if (net_name##_train(&net, &data, rows, examples, capitals##_BATCH, &report)) exit(3);                            \
  nnc_threads_end(net.team);                                                                                        \
  free(net.memory), free(rows)

static void *train_first(void *unused) {
  static one_optimizer optimizer;
  one_net net = one_make(&first, &optimizer, NULL, 0);
  TRAIN(one, first, ONE);
  return unused;
}

static void *train_second(void *unused) {
  two_net net = two_make(&second, NULL, 0);
  TRAIN(two, second, TWO);
  return unused;
}

static void save(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, size, 1, file) != 1 || fclose(file)) exit(4);
}

int main(int count, char **words) {
  pthread_t other;
  long size, i;
  uint8_t *labels;
  if (count != 5) return 5;
  members = atoi(words[2]);
  image = read_all(words[1], "train-images-idx3-ubyte", &size) + 16;
  labels = read_all(words[1], "train-labels-idx1-ubyte", &size);
  examples = size - 8;
  label = malloc((size_t)examples * sizeof *label);
  for (i = 0; i < examples; i++) label[i] = labels[8 + i];
  if (pthread_create(&other, NULL, train_second, NULL)) return 6;
  train_first(NULL);
  pthread_join(other, NULL);
  save(words[3], &first, sizeof first);
  save(words[4], &second, sizeof second);
  return 0;
}
