/* A host that loads libnnc.so, trains and asks a net with a team of threads, and lets go of the library, again and again:
   what runs at its end does not reach into code that has gone, and nothing grows. */
#include "nnc/nnc.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char const net[] = "model net {\n  input x: f32[batch, 4]\n  target y: f32[batch, 2]\n  h = x |> dense(64) |> tanh |> "
                          "dense(2)\n  output z = h\n  loss mean_squared_error(h, y)\n}\n"
                          "train net { minimize loss with adam(lr = 0.01); batch = 8 }\n";

/* Functions of the library, by the types that the header gives them. */
#define LOAD(name) __typeof__(&name) name##_here = (__typeof__(&name))dlsym(library, #name)

static void* fail_here(void* library) { /* on a thread that ends: its error text goes with it */
  LOAD(nnc_program_from_text);
  nnc_program* program = NULL;
  return nnc_program_from_text_here("model {", NULL, NULL, &program) == NNC_SYNTAX ? NULL : library;
}

static int use(void* library) {
  LOAD(nnc_program_from_text);
  LOAD(nnc_program_free);
  LOAD(nnc_session_create);
  LOAD(nnc_session_free);
  LOAD(nnc_session_step);
  static float x[8][4], y[8][2];
  nnc_input const inputs[] = {{sizeof *inputs, "x", "f32", x, sizeof x}, {sizeof *inputs, "y", "f32", y, sizeof y}};
  nnc_session_options const three = {.size = sizeof three, .threads = 3};
  nnc_program* program = NULL;
  nnc_session* session = NULL;
  if (nnc_program_from_text_here(net, NULL, NULL, &program) != NNC_OK) return 1;
  if (nnc_session_create_here(program, &three, &session) != NNC_OK) return 2;
  for (int i = 0; i < 10; ++i)
    if (nnc_session_step_here(session, inputs, 2, 8, NULL) != NNC_OK) return 3;
  nnc_session_free_here(session);
  nnc_program_free_here(program);
  pthread_t thread;
  void* bad = NULL;
  if (pthread_create(&thread, NULL, fail_here, library) || pthread_join(thread, &bad)) return 4;
  return bad ? 5 : 0;
}

static long resident_kilobytes(void) {
  long kilobytes = 0;
  char line[256];
  FILE* const file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, "VmRSS:", 6)) kilobytes = strtol(line + 6, NULL, 10);
  if (file) fclose(file);
  return kilobytes;
}

static int is_loaded(void) {
  int found = 0;
  char line[4096];
  FILE* const file = fopen("/proc/self/maps", "r");
  while (file && fgets(line, sizeof line, file)) found |= strstr(line, "libnnc.so") != NULL;
  if (file) fclose(file);
  return found;
}

int main(int count, char** words) {
  long first = 0, last = 0;
  if (count != 2) return 2;
  for (int round = 0; round < 12; ++round) {
    void* const library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    int const wrong = use(library);
    if (wrong) return fprintf(stderr, "use: %d\n", wrong), 1;
    if (dlclose(library)) return fprintf(stderr, "%s\n", dlerror()), 1;
    if (round == 1) first = resident_kilobytes();
    last = resident_kilobytes();
  }
  printf("%s after dlclose; %ld kB after 2 rounds, %ld kB after 12\n", is_loaded() ? "still there" : "gone", first, last);
  return last < first + 8192 ? 0 : 1;
}
