/* An object that holds weights: they are used where the net has none, and are copied on demand. weights OUT */
#include "soft.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
  static soft_parameters parameters;
  static soft_optimizer optimizer;
  static uint8_t pixels[28 * 28] = {0, 255, 128, 7};
  float given[10], copied[10];
  int64_t bytes = soft_memory(1, 1);
  soft_net bare = soft_make(NULL, NULL, malloc((size_t)bytes), bytes);
  soft_net net = soft_make(&parameters, &optimizer, bare.memory, bytes);
  soft_inputs inputs;
  soft_outputs outputs;
  FILE *file;
  int i;
  inputs.image = pixels;
  outputs.probs = given;
  if (count != 2 || soft_run(&bare, &inputs, 1, &outputs)) return 1;
  if (soft_load_weights(&bare) != soft_missing || soft_load_weights(&net)) return 2;
  outputs.probs = copied;
  if (soft_run(&net, &inputs, 1, &outputs)) return 3;
  for (i = 0; i < 10; i++)
    if (given[i] != copied[i]) return 4;
  file = fopen(words[1], "wb");
  return !file || fwrite(&parameters, sizeof parameters, 1, file) != 1 || fclose(file);
}
