/* All bytes of a file, for tests that cannot go on without. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t *read_all(const char *folder, const char *name, long *size) {
  char path[4096];
  uint8_t *bytes;
  FILE *file;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) exit(1);
  *size = ftell(file);
  rewind(file);
  bytes = malloc((size_t)*size);
  if (!bytes || fread(bytes, 1, (size_t)*size, file) != (size_t)*size) exit(1);
  fclose(file);
  return bytes;
}
