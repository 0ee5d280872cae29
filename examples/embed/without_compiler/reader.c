/* Reads digits with a net whose weights were trained while this was built: reader < IMAGES
   IMAGES: 28 x 28 bytes each, 0 for the ground. Writes a digit for each. */
#include "trained.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  static uint8_t pixels[28 * 28];
  float probs[10];
  int64_t bytes = trained_run_memory(1, 1);
  trained_net net = trained_make(NULL, NULL, malloc((size_t)bytes), bytes); /* the weights of the object, no training */
  trained_inputs inputs;
  trained_outputs outputs;
  inputs.image = pixels;
  outputs.probs = probs;
  while (fread(pixels, sizeof pixels, 1, stdin) == 1) {
    trained_status status = trained_run(&net, &inputs, 1, &outputs);
    int best = 0, k;
    if (status) return fprintf(stderr, "reader: %s\n", trained_status_text(status)), 1;
    for (k = 1; k < 10; k++)
      if (probs[k] > probs[best]) best = k;
    printf("%d\n", best);
  }
  return 0;
}
