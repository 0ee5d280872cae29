// Every operator of the table, as every sample says: compiled against the reference evaluator; the same bits from
// vectors of every width, from any number of threads, and from the interpreter of the loops.
#include "tests/codegen/host.h"
#include "tests/codegen/symbols.h"
#include "tests/props/samples.h"

#include <cmath>

using namespace nnc;
using namespace nnc::props;

namespace {

// Sums of f32 against sums of f64: some roundings of each of the few elements of a sample, which are about 1. The other
// operators are within the ulps that they state; 4 ulp are 5e-7 in f32. A narrow float is rounded once more.
f64 tolerance(OpCode code, DType d) {
  Op const& op = info(code);
  if (op.accuracy.empty() && !op.has(accumulates)) return 0;
  if (is_narrow_float(d)) return d == DType::f16 ? 0x1p-10 : 0x1p-7;
  return op.has(accumulates) ? 1e-5 : 5e-7;
}

bool near(f64 x, f64 y, f64 relative) {
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  f64 size = std::max({std::abs(x), std::abs(y), relative > 1e-6 ? 0.1 : 0.0});
  return x == y || std::abs(x - y) <= relative * size;
}

void check_close(Tensor const& want, Tensor const& got, OpCode code) {
  REQUIRE(want.size() == got.size());
  CHECK(want.i == got.i);
  for (size_t k = 0; k < want.f.size(); ++k)
    CHECK_MESSAGE(near(want.f[k], got.f[k], tolerance(code, want.dtype)), want.f[k], " ", got.f[k], " at ", k);
}

} // namespace

// Every sample of an operator as a function of one module: compiling is cheaper by the dozen.
struct Samples {
  Module module;
  std::vector<std::vector<Tensor>> inputs;
};

static Samples all_samples_of(OpCode code) {
  Samples all;
  for (auto const& s : samples_of(code)) {
    Module one = module_of(code, s);
    one.functions[0].name = "f" + std::to_string(all.module.functions.size());
    all.module.functions.push_back(one.functions[0]);
    all.inputs.push_back(draw_operands(s, 11));
  }
  return all;
}

TEST_CASE("no operator needs anything beside the object, on the least processor of each family") {
  for (auto code : all_ops()) {
    if (!info(code).samples || info(code).has(structural)) continue;
    INFO(info(code).name);
    auto const [all, inputs] = all_samples_of(code);
    Module const x86 = host::finished(all, target_for("x86-64"));
    Module const arm = host::finished(all, target_for("", "aarch64-linux-gnu"));
    CHECK(symbols(compile(x86, {.parts = 1})).undefined.empty());
    CHECK(symbols(compile(arm, {.parts = 1})).undefined.empty());
    auto const loaded = load(compile(x86));
    for (size_t k = 0; k < x86.functions.size(); ++k) {
      Function const& f = x86.functions[k];
      INFO(print(x86, f));
      Tensor want = evaluate(all, all.functions[k], inputs[k]).at(0);
      auto const got = host::Call(x86, f, inputs[k], 1, 1).compiled(loaded->entry(f.name));
      check_close(want, host::unpacked(want.dtype, want.shape, got.results[0].data()), code);
    }
  }
}

TEST_CASE("compiled operators agree with the evaluator and with the interpreted loops") {
  size_t compiled = 0;
  for (auto code : all_ops()) {
    if (!info(code).samples || info(code).has(structural)) continue;
    auto const [all, inputs] = all_samples_of(code);
    INFO(info(code).name);
    Module m = host::finished(all, host_target());
    auto loaded = load(compile(m));
    Module narrow = m, wide = m;
    narrow.target->vector_bytes = 16, wide.target->vector_bytes = 64;
    for (auto* other : {&narrow, &wide}) // panels are as wide as vectors
      for (auto& f : other->functions) f.scratch = scratch_bytes(f, *other->target);
    auto loaded_narrow = load(compile(narrow)), loaded_wide = load(compile(wide));
    for (size_t k = 0; k < m.functions.size(); ++k) {
      Function const& f = m.functions[k];
      INFO(print(m, f));
      Tensor want = evaluate(all, all.functions[k], inputs[k]).at(0);
      auto got = host::Call(m, f, inputs[k], 1, 1).compiled(loaded->entry(f.name));
      check_close(want, host::unpacked(want.dtype, want.shape, got.results[0].data()), code);
      auto by_loops = host::Call(m, f, inputs[k], 1, 2).interpreted(*m.target);
      CHECK(by_loops.results == got.results);
      CHECK(by_loops.report.zero_divided == got.report.zero_divided);
      CHECK(by_loops.report.clamped == got.report.clamped);
      CHECK(host::Call(narrow, narrow.functions[k], inputs[k], 1, 1).compiled(loaded_narrow->entry(f.name)).results ==
            got.results);
      CHECK(host::Call(wide, wide.functions[k], inputs[k], 1, 1).compiled(loaded_wide->entry(f.name)).results ==
            got.results);
      CHECK(host::Call(m, f, inputs[k], 1, 3).compiled(loaded->entry(f.name)).results == got.results);
      ++compiled;
    }
  }
  CHECK(compiled > 200);
}
