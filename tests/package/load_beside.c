/* Loads libraries, one after the other, with their symbols visible to all. */
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char** words) {
  for (int i = 1; i < count; ++i)
    if (!dlopen(words[i], RTLD_NOW | RTLD_GLOBAL)) return fprintf(stderr, "%s\n", dlerror()), 1;
  puts("loaded");
  return 0;
}
