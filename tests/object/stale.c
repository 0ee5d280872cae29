/* A header that belongs to another object, or to another version of nnc. */
#include "soft.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  static soft_parameters parameters;
  static soft_optimizer optimizer;
  int64_t bytes = soft_memory(1, 1);
  soft_net net = soft_make(&parameters, &optimizer, malloc((size_t)bytes), bytes);
  puts(soft_status_text(soft_initialize(&net)));
  return 0;
}
