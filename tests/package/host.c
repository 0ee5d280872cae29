/* A host in C. */
#include <nnc/nnc.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  nnc_program* program = NULL;
  nnc_session* session = NULL;
  float x[4] = {1, 2, 3, 4}, y[6];
  nnc_input inputs[1];
  nnc_output outputs[1];
  if (nnc_program_from_text("model broken {", NULL, NULL, &program) != NNC_SYNTAX) return 1;
  if (nnc_program_from_text("model small {\n  input x: f32[batch, 2]\n  output y = x |> dense(3)\n}\n", NULL, NULL,
                            &program) != NNC_OK ||
      nnc_session_create(program, NULL, &session) != NNC_OK) {
    puts(nnc_error_text());
    return 2;
  }
  memset(inputs, 0, sizeof inputs);
  memset(outputs, 0, sizeof outputs);
  inputs[0].size = sizeof inputs[0], outputs[0].size = sizeof outputs[0];
  inputs[0].name = "x", inputs[0].dtype = "f32", inputs[0].data = x, inputs[0].bytes = sizeof x;
  outputs[0].name = "y", outputs[0].dtype = "f32", outputs[0].data = y, outputs[0].bytes = sizeof y;
  if (nnc_session_run_into(session, inputs, 1, outputs, 1, 2) != NNC_OK) {
    puts(nnc_error_text());
    return 3;
  }
  printf("nnc %s: y[0] is %g\n", nnc_version(), (double)y[0]);
  nnc_session_free(session);
  nnc_program_free(program);
  return 0;
}
