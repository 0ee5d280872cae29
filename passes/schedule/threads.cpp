// Rough costs, which decide what is split among threads and how many of them are worth having. Bits do not depend on
// it.
#include "ir/index_map.h"
#include "ir/kernel_space.h"
#include "ir/op.h"
#include "passes/schedule/decide.h"

#include <algorithm>
#include <cmath>

namespace nnc::scheduling {
namespace {

// On one core, in nanoseconds.
constexpr f64 ns_per_flop = 1.0 / 60;    // of a contraction
constexpr f64 ns_per_element = 0.06;     // one cheap node, vectorised, in cache
constexpr f64 ns_per_costly = 0.5;       // exp and its like
constexpr f64 ns_worth_splitting = 1500; // a barrier takes some 300
constexpr f64 ns_per_thread = 25000;     // of a step, to make a further thread worthwhile
constexpr i64 most_threads = 64;
constexpr i64 assumed_batch = 32;

// Terms of each sum, at least 1.
f64 terms(Function const& f, Node const& n, Bindings const& extents) {
  auto const space = space_of(f, n);
  f64 product = 1;
  for (size_t a = f.type(n.result()).shape.size(); a < space.size(); ++a)
    product *= std::max(1.0, static_cast<f64>(space[a].value(extents)));
  return product;
}

// Of a node along lines, in nanoseconds; what is picked is looked for among all that the operand has.
f64 cost_of_lines(Function const& f, Node const& n, Bindings const& extents) {
  auto const& shape = f.type(n.result()).shape;
  i64 const length = shape[static_cast<size_t>(named_axes(n.op, n.attributes).front())].value(extents);
  f64 elements = static_cast<f64>(element_count(shape).value(extents));
  for (auto v : n.operands)
    elements = std::max(elements, static_cast<f64>(element_count(f.type(v).shape).value(extents)));
  return elements * (1 + std::log2(static_cast<f64>(std::max<i64>(1, length)))) * ns_per_costly;
}

// Is there more than one unit of work? A sum to a scalar has none.
bool splits(Function const& f, Node const& k) {
  if (is_kernel(k, KernelKind::scatter)) return divides_scatter(f, k);
  return std::any_of(k.results.begin(), k.results.end(), [&](ValueId v) { return f.type(v).rank() > 0; });
}

} // namespace

Bindings ordinary_extents(Module const& m) {
  Bindings extents = m.bindings;
  auto& batch = extents[static_cast<size_t>(Symbol::batch)];
  auto& examples = extents[static_cast<size_t>(Symbol::examples)];
  if (!batch) batch = m.training ? m.training->batch : assumed_batch;
  if (!examples) examples = *batch;
  return extents;
}

f64 cost(Function const& f, Node const& k, Bindings const& extents) {
  auto elements = [&](ValueId v) { return static_cast<f64>(element_count(f.type(v).shape).value(extents)); };
  f64 ns = 0;
  for (auto const& n : k.regions.front().nodes) {
    auto const& op = info(n.op);
    if (op.has(contracts)) ns += 2 * elements(n.result()) * terms(f, n, extents) * ns_per_flop;
    else if (op.has(along_lines)) ns += cost_of_lines(f, n, extents);
    else
      ns += std::max(elements(n.result()), op.has(reduces) ? elements(n.operands[0]) : 0) *
            (op.has(costly) || op.has(random) ? ns_per_costly : ns_per_element);
  }
  return ns;
}

bool worth_splitting(Function const& f, Node const& k, f64 ns) { return splits(f, k) && ns >= ns_worth_splitting; }

i64 worthwhile_threads(f64 ns) { return static_cast<i64>(std::clamp<f64>(ns / ns_per_thread, 1, most_threads)); }

} // namespace nnc::scheduling
