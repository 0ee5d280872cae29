// What the command says of a program without running it: the summary, --explain memory, --explain fusion.
#ifdef NNC_COMMAND

#include "tests/runtime/desk.h"

#include <doctest/doctest.h>

using namespace nnc::test;

namespace {

constexpr char const* several = R"(fn block(x, rate) { x + (x |> dense(8) |> relu |> dropout(rate)) }
model net(rate = 0.1) {
  input x: f32[batch, 8]
  target y: f32[batch]
  for i in range(2) { x = block(x, rate) @"b{i}" }
  x = block(x, rate) @b0
  loss mean_squared_error(dense(batch_norm(x), 1)[:, 0], y)
}
train net @first { minimize loss with sgd(0.1) }
train net @second { minimize loss over "b0.*" with adam(); batch = 100 }
model other { input x: f32[batch, 8]; output y = dense(x, 3) }
)";

} // namespace

TEST_CASE("the summary tells data, calls, weights, results, numbers and memory") {
  Desk desk;
  desk.scratch().write("several.nn", several);
  auto const said = desk.nnc("several.nn:second --cpu x86-64-v3");
  CHECK(said.status == 0);
  CHECK(said.out == R"(train second

data  a row is
  x   f32[8]    input
  y   f32       target

calls                 give          parameters  states   flops
  b0 (block)          f32[batch,8]          72          20.0 k
    b0.dense          f32[batch,8]          72          13.6 k
  b1 (block)          f32[batch,8]          72          20.0 k
    b1.dense          f32[batch,8]          72          13.6 k
  b0 (block)          f32[batch,8]      shared          20.0 k
    b0.dense          f32[batch,8]      shared          13.6 k
  batch_norm          f32[batch,8]          16      16  5.00 k
  dense               f32[batch,1]           9          1.70 k
  mean_squared_error  f32[]                                301
  flops are those of a forward pass over a batch of 100: 67.0 k of all, 670 for an example

parameters
  b0.dense.weight   f32[8,8]
  b0.dense.bias     f32[8]
  b1.dense.weight   f32[8,8]  not trained
  b1.dense.bias     f32[8]    not trained
  batch_norm.scale  f32[8]    not trained
  batch_norm.shift  f32[8]    not trained
  dense.weight      f32[8,1]  not trained
  dense.bias        f32[1]    not trained
  169 weights, 72 of them trained

states
  batch_norm.running_mean  f32[8]
  batch_norm.running_var   f32[8]

results
  loss   loss

numbers       --set NAME=VALUE
  adam.beta1  0.9
  adam.beta2  0.999
  adam.eps    1e-08
  adam.lr     0.001
  rate        0.1
  batch       100
  epochs      1
  seed        0
  validation  0
  order       "shuffle"
  drop_last   false

memory to train a batch of 100: 60.9 kB beside the data
  676 B parameters, 64 B states, 576 B states of the optimizer, 35.0 kB intermediate values, 24.6 kB scratch of a thread
)");
}

TEST_CASE("a file with several programs lists them, and says how to choose") {
  Desk desk;
  desk.scratch().write("several.nn", several);
  CHECK(desk.nnc("several.nn").out == R"(several.nn holds several programs; choose one
  nnc several.nn:first   trains net                   line 9
  nnc several.nn:second  trains net                   line 10
  nnc several.nn:other   a model that nothing trains  line 11
)");
  CHECK(desk.nnc("several.nn --train mnist").status == 1);
  CHECK(desk.nnc("several.nn --check-only").status == 0);
  desk.scratch().write("wrong.nn", std::string(several) + "fn g(x) { rellu(x) }\n");
  auto const wrong = desk.nnc("wrong.nn --check-only"); // what all of them share is said once
  CHECK(wrong.status == 1);
  CHECK(contains(wrong.err, "unknown function `rellu`"));
  CHECK(wrong.err.find("rellu") == wrong.err.rfind("unknown function `rellu`") + 18);
  CHECK(contains(desk.nnc("-:other <several.nn").out, "model other\n"));
}

TEST_CASE("--explain memory names the holders, the largest first") {
  Desk desk;
  desk.scratch().write("several.nn", several);
  auto const said = desk.nnc("several.nn:other --cpu x86-64-v3 --explain memory");
  CHECK(said.status == 0);
  CHECK(said.out == R"(4.20 kB to run a batch of 32, beside the data
  4.10 kB  scratch    of each thread
     96 B  parameter  dense.weight                     f32[8,3]             several.nn:11
     12 B  parameter  dense.bias                       f32[3]               several.nn:11
a place of values is as large as the largest that is ever in it, for the batch rounded up to 16
)");
  auto const trained = desk.nnc("several.nn:second --explain memory").out;
  for (auto const* part :
       {"  optimizer  m/b0.dense.weight", "  state      batch_norm.running_mean", "  value ", "at other times "})
    CHECK_MESSAGE(contains(trained, part), trained);
}

TEST_CASE("--explain fusion says why a value is stored between two kernels") {
  Desk desk;
  desk.scratch().write("two.nn", "model m {\n  input x: f32[batch, 8]\n  h = x |> dense(16) |> relu\n"
                                 "  output y = softmax(dense(h, 4))\n}\n");
  auto const said = desk.nnc("two.nn --explain fusion dense.y");
  CHECK(said.status == 0);
  CHECK(contains(said.out,
                 "@run: [dense.y h] two.nn:3 gives f32[batch,16] to [dense_2.y] two.nn:4: both are contractions: "
                 "what one gives, the other packs from memory\n"));
  CHECK(contains(desk.nnc("two.nn --explain fusion dense_2.y").out,
                 "[dense_2.y] two.nn:4 gives f32[batch,4] to [reduce_max sub softmax.e reduce_sum y] two.nn:4: a "
                 "contraction takes along what "
                 "follows element by element, and this folds rows\n"));
  auto const unknown = desk.nnc("two.nn --explain fusion dens.y");
  CHECK(unknown.status == 1);
  CHECK(contains(unknown.err, "help: did you mean 'dense.y'?"));
  CHECK(desk.nnc("two.nn --explain fusion").status == 2);
  CHECK(desk.nnc("two.nn --explain fussion").err ==
        "error: --explain: 'fussion' is none of constants, memory, fusion, nan\nhelp: did you mean 'fusion'?\n");
}

TEST_CASE("--check each says a line after each pass") {
  Desk desk;
  auto const said = desk.nnc("digits.nn --check each");
  CHECK(said.status == 0);
  CHECK(said.out == "");
  for (auto const* part : {"simplify         every value kept\n", "plan_memory      every value kept\n",
                           "changed nothing\n", "passes: well formed, and every value kept\n"})
    CHECK_MESSAGE(contains(said.err, part), said.err);
}

TEST_CASE("loops, LLVM and assembly name the tensors of each kernel and its lines") {
  Desk desk;
  desk.scratch().write("two.nn", "model m {\n  input x: f32[batch, 8]\n  h = x |> dense(16) |> relu\n"
                                 "  output y = softmax(dense(h, 4))\n}\n");
  CHECK(contains(desk.nnc("two.nn --cpu x86-64-v3 --emit loops").out, R"(kernel run.1
  # contract: %dense.y broadcast %dense.y %h; two.nn:3
  # reads slot(0) %x: f32[batch,8], argument(2) %dense.weight: f32[8,16], argument(3) %dense.bias: f32[16]
  # writes slot(1) %h: f32[batch,16]
)"));
  CHECK(contains(desk.nnc("two.nn --cpu x86-64-v3 --emit asm").out,
                 "\nrun.1:\n\t# contract: %dense.y broadcast %dense.y %h; two.nn:3\n\t# reads slot(0) "));
  CHECK(contains(desk.nnc("two.nn --target aarch64-linux-gnu --emit asm").out, "\nrun.1:\n\t// contract: "));
  CHECK(contains(desk.nnc("two.nn --emit llvm").out, "\n; contract: %dense.y broadcast %dense.y %h; two.nn:3\n"));
}

#endif
