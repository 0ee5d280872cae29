// Convolutions of an operand with zeros between its elements, as derivatives of those with strides are, become several
// without: one for each phase of the result.
//
// Zeros between the elements of an image meet every second tap, or more. Which taps meet elements depends on the phase
// of the position: of i = 2 j and of i = 2 j + 1. So each phase is a convolution of its own, of the elements alone, and
// the result is all of them side by side.
//
//     %x = convolution %g, %w {lhs="b0c", rhs="0cf", result="b0f", sum="0c", extents=[8], low=[1], lhs_dilation=[2],
//     ...}
//  becomes, with 3 taps,
//     %0 = slice %w {start=[1, 0, 0], limit=[2, 4, 5]} : f32[1,4,5]                      position 2 j meets tap 1,
//     %1 = convolution %g, %0 {extents=[4], ...} : f32[batch,4,5]
//     %2 = pad %1, 0 {low=[0, 0, 0], high=[0, 1, 0], interior=[0, 1, 0]} : f32[batch,8,5]
//     %3 = add %2, 0 : f32[batch,8,5]
//     %4 = slice %w {start=[0, 0, 0], limit=[3, 4, 5], stride=[2, 1, 1]} : f32[2,4,5]    position 2 j + 1 taps 0 and 2
//     %5 = convolution %g, %4 {extents=[4], ...} : f32[batch,4,5]
//     %6 = pad %5, 0 {low=[0, 1, 0], high=[0, 0, 0], interior=[0, 1, 0]} : f32[batch,8,5]
//     %x = add %3, %6 : f32[batch,8,5]
//
// No bit changes: an element is one chain of the same terms in the same order, and sums end with + 0 (ir/order.h).
#include "ir/op.h"
#include "ir/ops/windows.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <numeric>

namespace nnc {
namespace {

using rules::Window;

constexpr size_t most_phases = 16; // of one convolution

// Elements first, first + step ... of an axis, so many.
struct Run {
  i64 first = 0, step = 1, count = 0;
};
// Positions of an axis, the taps that they meet, and where the window over the elements is.
struct Phase {
  Run positions, taps;
  Window window;
};
// An axis whose elements stand apart, and the phases of it that meet anything.
struct Axis {
  size_t number = 0;                // of the window
  size_t in_result = 0, in_rhs = 0; // which axes
  std::vector<Phase> phases;
};

i64 elements(i64 end, Run const& r) { return r.first < end ? (end - r.first + r.step - 1) / r.step : 0; }

std::vector<Phase> phases_of(Window const& w, i64 extent, i64 taps) {
  std::vector<Phase> all;
  i64 const apart = w.lhs_dilation, count = apart / std::gcd(w.stride, apart),
            step = apart / std::gcd(w.rhs_dilation, apart);
  for (i64 r = 0; r < count; ++r) {
    Phase p{{r, count, 0}, {0, step, 0}, {}};
    auto const from = [&] { return r * w.stride + p.taps.first * w.rhs_dilation - w.low; }; // in zeros and elements
    while (p.taps.first < step && from() % apart != 0) ++p.taps.first;
    p.positions.count = elements(extent, p.positions);
    p.taps.count = elements(taps, p.taps);
    if (p.taps.first == step || p.positions.count == 0 || p.taps.count == 0) continue;
    p.window = {count * w.stride / apart, -from() / apart, 1, step * w.rhs_dilation / apart};
    all.push_back(p);
  }
  return all;
}

class Phases {
public:
  Phases(Function& f, Node const& n, std::vector<Node>& into) : node_(n), make_(f, into) { make_.at = n.at; }

  // The value of the node; nothing where it stays as it is.
  std::optional<ValueId> run() {
    if (!find_axes()) return {};
    auto const type = make_.type(node_.result());
    size_t count = 1;
    for (auto const& a : axes_) count *= a.phases.size();
    if (count > most_phases) return {};
    ValueId sum = make_.constant(type.dtype, 0);
    for (size_t i = 0; i < count; ++i) {
      ValueId const phase = spread(convolution(i), i);
      sum = i == 0 ? make_.make(OpCode::add, {phase, sum}) : make_.make(OpCode::add, {sum, phase});
    }
    return count == 0 ? make_.broadcast_scalar(sum, type.shape) : sum;
  }

private:
  bool find_axes() {
    auto const& a = node_.attributes;
    if (a.get_or<Order>("order", {}) != Order{}) return false;
    auto const result = a.get<std::string>("result"), rhs = a.get<std::string>("rhs");
    size_t const windows = a.get<std::vector<Dim>>("extents").size();
    for (size_t d = 0; d < windows; ++d) {
      auto const w = rules::window_of(a, d);
      windows_.push_back(w);
      if (w.lhs_dilation == 1) continue;
      char const name = static_cast<char>('0' + d);
      Axis axis{d, result.find(name), rhs.find(name), {}};
      auto const extent = make_.type(node_.result()).shape[axis.in_result].constant(),
                 taps = make_.type(node_.operands[1]).shape[axis.in_rhs].constant();
      if (!extent || !taps) return false;
      axis.phases = phases_of(w, *extent, *taps);
      axes_.push_back(std::move(axis));
    }
    return !axes_.empty();
  }

  // Body with each axis and its phase in number i of all of their combinations.
  template <class Body>
  void each_phase(size_t i, Body body) const {
    for (auto const& axis : axes_) {
      body(axis, axis.phases[i % axis.phases.size()]);
      i /= axis.phases.size();
    }
  }

  ValueId convolution(size_t i) {
    auto extents = node_.attributes.get<std::vector<Dim>>("extents");
    auto const& kernel = make_.type(node_.operands[1]).shape;
    std::vector<Dim> start(kernel.size(), Dim(0)), limit = kernel;
    std::vector<i64> stride(kernel.size(), 1);
    auto windows = windows_;
    each_phase(i, [&](Axis const& axis, Phase const& p) {
      extents[axis.number] = p.positions.count;
      windows[axis.number] = p.window;
      start[axis.in_rhs] = p.taps.first;
      limit[axis.in_rhs] = p.taps.first + (p.taps.count - 1) * p.taps.step + 1;
      stride[axis.in_rhs] = p.taps.count > 1 ? p.taps.step : 1;
    });
    Attributes attributes{{"extents", extents}};
    for (auto const* names : {"lhs", "rhs", "result", "sum"})
      attributes.set(names, node_.attributes.get<std::string>(names));
    rules::set_windows(attributes, windows);
    if (node_.attributes.has("order")) attributes.set("order", Order{});
    Attributes part{{"start", start}, {"limit", limit}};
    if (std::any_of(stride.begin(), stride.end(), [](i64 s) { return s > 1; })) part.set("stride", stride);
    ValueId const taps = make_.make(OpCode::slice, {node_.operands[1]}, std::move(part));
    return make_.make(node_.op, {node_.operands[0], taps}, std::move(attributes));
  }

  // The phase at its positions, 0 at the others.
  ValueId spread(ValueId phase, size_t i) {
    auto const& shape = make_.type(node_.result()).shape;
    std::vector<Dim> low(shape.size(), Dim(0)), high = low;
    std::vector<i64> interior(shape.size(), 0);
    each_phase(i, [&](Axis const& axis, Phase const& p) {
      auto const& at = p.positions;
      low[axis.in_result] = at.first;
      high[axis.in_result] = *shape[axis.in_result].constant() - (at.first + (at.count - 1) * at.step + 1);
      interior[axis.in_result] = at.step - 1;
    });
    return make_.make(OpCode::pad, {phase, make_.like(phase, 0)},
                      {{"low", low}, {"high", high}, {"interior", interior}});
  }

  Node const& node_;
  Builder make_;
  std::vector<Window> windows_; // of the node
  std::vector<Axis> axes_;
};

bool make_phases(Function& f) {
  Rewriter rewriter(f);
  rewriter.run([&](Node&& n) {
    if (n.op != OpCode::convolution) return rewriter.keep(std::move(n));
    std::vector<Node> made;
    auto const value = Phases(f, n, made).run();
    if (!value) return rewriter.keep(std::move(n));
    for (auto& x : made) rewriter.keep(std::move(x));
    rewriter.replace(n.result(), *value);
  });
  return rewriter.changed;
}

} // namespace

PassResult phases(Module m, PassContext&) { return each_function(std::move(m), make_phases); }

} // namespace nnc
