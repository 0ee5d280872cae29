// The same host program as ring.cpp, in C99: it compiles a network that it carries as text, trains it on points that it
// draws itself, and then asks it about points that the network has never seen.
//
//     cmake --build --preset release --target embed_c && build/release/embed_c
//
// The task: is a point of the square inside of a ring around the middle? No straight line tells the two apart.
#include "nnc/nnc.h"

#include <stdio.h>

static char const model[] = "model ring(hidden = 32) {\n"
                            "  input  point: f32[batch, 2]\n"
                            "  target inside: i32[batch]\n"
                            "  logits = point |> dense(hidden) |> relu |> dense(hidden) |> relu |> dense(2)\n"
                            "  output probability = softmax(logits)\n"
                            "  loss   cross_entropy(logits, inside)\n"
                            "  metric accuracy(logits, inside)\n"
                            "}\n"
                            "train ring { minimize loss with adam(lr = 0.005) }\n";

enum { batch = 64, steps = 2000, questions = 2000 };
static double const enough = 0.95; // of the answers; whoever always says "outside" has 0.61

// The caller's own buffers, in the layout of the inputs: f32[batch,2] and i32[batch].
static float point[2 * questions];
static int32_t inside[questions];

static float coordinate(void) { // from -1 to 1, by xorshift
  static uint32_t state = 1;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return (float)(state >> 8) / 8388608.0f - 1.0f;
}

static void draw(int count) {
  for (int i = 0; i < count; ++i) {
    float const x = coordinate(), y = coordinate(), square = x * x + y * y;
    point[2 * i] = x;
    point[2 * i + 1] = y;
    inside[i] = square > 0.2f && square < 0.7f;
  }
}

// The buffers are checked once; each call takes what they hold then.
static nnc_status train(nnc_session* session) {
  nnc_input const inputs[] = {{sizeof(nnc_input), "point", "f32", point, batch * 2 * sizeof(float)},
                              {sizeof(nnc_input), "inside", "i32", inside, batch * sizeof(int32_t)}};
  nnc_bound* step = NULL;
  nnc_status status = nnc_session_bind_step(session, inputs, 2, batch, &step);
  for (int i = 1; status == NNC_OK && i <= steps; ++i) {
    nnc_reports reports = {.size = sizeof reports};
    if (i == steps - 500) status = nnc_session_set_scalar(session, "adam.lr", 1e-3); // compiles nothing anew
    if (status != NNC_OK) break;
    draw(batch);
    status = nnc_bound_call(step, &reports);
    if (status == NNC_OK && (i == 1 || i % 500 == 0)) {
      printf("step %4d", i);
      for (int64_t r = 0; r < reports.count; ++r) printf("  %s %.4f", reports.values[r].name, reports.values[r].value);
      printf("\n");
    }
  }
  nnc_bound_free(step);
  return status;
}

// The part of the questions that the network answers as the formula of the ring does.
static nnc_status ask(nnc_session* session, double* correct) {
  static float probability[2 * questions];
  nnc_input const asked = {sizeof asked, "point", "f32", point, sizeof point};
  nnc_output const answer = {sizeof answer, "probability", "f32", probability, sizeof probability};
  draw(questions);
  nnc_status const status = nnc_session_run_into(session, &asked, 1, &answer, 1, questions);
  int right = 0;
  for (int i = 0; status == NNC_OK && i < questions; ++i) right += (probability[2 * i + 1] > 0.5f) == (inside[i] == 1);
  *correct = (double)right / questions;
  return status;
}

int main(void) {
  nnc_program* program = NULL;
  nnc_session* session = NULL;
  double correct = 0;
  nnc_status status = nnc_program_from_text(model, NULL, "ring.nn", &program);
  if (status == NNC_OK) status = nnc_session_create(program, NULL, &session);
  if (status == NNC_OK) status = train(session);
  if (status == NNC_OK) status = ask(session, &correct);
  nnc_session_free(session);
  nnc_program_free(program);
  if (status != NNC_OK) {
    fprintf(stderr, "%s\n", nnc_error_text());
    return 1;
  }
  printf("%.1f %% of %d new points are told right\n", 100 * correct, questions);
  if (correct >= enough) return 0;
  fprintf(stderr, "it has not learned the ring\n");
  return 1;
}
