// The loops of small kernels as text, and what the verifier says about loops that are wrong.
#include "codegen/loops/builder.h"
#include "tests/codegen/host.h"

using namespace nnc;

TEST_CASE("the loops of a small kernel") {
  Module m = host::parsed(R"(func @f(%x: f32[20], %s: f32[]) -> (y: f32[20]) {
  %y = kernel %x, %s {kind="pointwise", parallel=false, lanes=8, places=[result(0)]} {
    %y = mul %x, %s : f32[20]
  }
  return %y
}
)");
  m.target = target_for("x86-64-v3");
  CHECK(emit(m, Emit::loops) == R"(kernel f.0
  # pointwise: %y; test.ir:3
  # reads argument(0) %x: f32[20], argument(1) %s: f32[]
  # writes result(0) %y: f32[20]
  %1 = cell 1 : i64
  %3 = eq %1, 0 : bool
  %4 = select %3, 1, 0 : i64
  %6 = mul %4, 16 : i64
  for %i0 in [0, %6) by 8
    %8 = load argument(0) [%i0] : f32 x 8
    %9 = load argument(1) [0] : f32
    %10 = splat %9 : f32 x 8
    %11 = mul %8, %10 : f32 x 8
    store result(0) [%i0], %11
  %14 = eq %4, 1 : bool
  %15 = select %14, 1, 0 : i64
  for %i1 in [0, %15) by 1
    %18 = load argument(0) [16], lanes below 4 : f32 x 8
    %19 = load argument(1) [0] : f32
    %20 = splat %19 : f32 x 8
    %21 = mul %18, %20 : f32 x 8
    store result(0) [16], %21, lanes below 4

)");
}

TEST_CASE("wrong loops are refused") {
  Loops l;
  LoopBuilder b(l);
  int buffer = b.buffer("result(0)", Frame::first_free);
  b.will_write(buffer);
  auto loop = b.open(b.integer(0), b.cell(Frame::batch, DType::i64));
  Ref inside = b.add(loop.index, b.integer(3));
  b.close();
  b.store(buffer, b.integer(0), inside);
  b.finish();
  auto wrong = verify(l);
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].find("out of scope") != std::string::npos);
}

TEST_CASE("kernels have the same code if they differ in nothing but where their values stand") {
  auto copy = [](i64 from, i64 to, i64 factor) { // to[0] = from[0] * factor
    Loops l;
    LoopBuilder b(l);
    int source = b.buffer("from", from), target = b.buffer("to", to);
    b.will_write(target);
    Ref x = b.load(source, DType::f32, 1, b.integer(0));
    b.store(target, b.integer(0), b.compute(OpCode::mul, {x, b.cell(factor, DType::f32)}));
    b.finish();
    return l;
  };
  i64 first = Frame::first_free;
  Loops a = copy(first, first + 1, first + 2), other_cells = copy(first + 7, first + 3, first),
        in_place = copy(first, first, first + 2);
  CHECK(!same_code(a, other_cells));
  auto parameters = take_parameters(a), other = take_parameters(other_cells);
  CHECK(same_code(a, other_cells));
  CHECK(parameters.addresses == std::vector<i64>{first, first + 1});
  CHECK(other.addresses == std::vector<i64>{first + 7, first + 3});
  CHECK(other.scalars == std::vector<i64>{first});
  CHECK(take_parameters(in_place).addresses == std::vector<i64>{first});
  CHECK(!same_code(a, in_place));
}
