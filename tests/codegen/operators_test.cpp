// Every operator of the table, as every sample says: compiled against the reference evaluator; the same bits from
// vectors of every width, from any number of threads, and from the interpreter of the loops.
#include "tests/codegen/host.h"
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

TEST_CASE("compiled operators agree with the evaluator and with the interpreted loops") {
  size_t compiled = 0;
  for (auto code : all_ops()) {
    if (!info(code).samples || info(code).has(structural)) continue;
    Module all; // one function per sample: compiling is cheaper by the dozen
    std::vector<std::vector<Tensor>> inputs;
    for (auto const& s : samples_of(code)) {
      Module one = module_of(code, s);
      one.functions[0].name = "f" + std::to_string(all.functions.size());
      all.functions.push_back(one.functions[0]);
      inputs.push_back(draw_operands(s, 11));
    }
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
