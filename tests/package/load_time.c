/* How long dlopen of a library takes, in a fresh process each time: the least and the middle of 21. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(void const* a, void const* b) {
  double const x = *(double const*)a, y = *(double const*)b;
  return (x > y) - (x < y);
}

int main(int count, char** words) {
  double times[21];
  if (count != 2) return 2;
  for (int i = 0; i < 21; ++i) {
    int ends[2];
    if (pipe(ends)) return 1;
    if (fork() == 0) {
      double const start = now();
      void* const library = dlopen(words[1], RTLD_NOW);
      double const taken = now() - start;
      if (!library) fprintf(stderr, "%s\n", dlerror());
      _exit(library && write(ends[1], &taken, sizeof taken) == sizeof taken ? 0 : 1);
    }
    int status;
    if (wait(&status) < 0 || status || read(ends[0], &times[i], sizeof times[i]) != sizeof times[i]) return 1;
    close(ends[0]), close(ends[1]);
  }
  qsort(times, 21, sizeof *times, by_value);
  printf("loaded in %.1f ms (least), %.1f ms (middle)\n", times[0], times[10]);
  return 0;
}
