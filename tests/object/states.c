/* The outputs for the first digit of a test set, with weights and states of the object: states FOLDER */
#include "soft.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
  static uint8_t head[16], pixels[28 * 28];
  char path[4096];
  float probs[10];
  int64_t bytes = soft_run_memory(1, 1);
  soft_net net = soft_make(NULL, NULL, malloc((size_t)bytes), bytes);
  soft_inputs inputs;
  soft_outputs outputs;
  FILE *file;
  int k;
  if (count != 2) return 1;
  snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte", words[1]);
  file = fopen(path, "rb");
  if (!file || fread(head, sizeof head, 1, file) != 1 || fread(pixels, sizeof pixels, 1, file) != 1) return 2;
  fclose(file);
  inputs.image = pixels;
  outputs.probs = probs;
  if (soft_run(&net, &inputs, 1, &outputs)) return 3;
  for (k = 0; k < 10; k++) printf("%.9g\n", probs[k]);
  return 0;
}
