// What code generation takes for granted of each kind of kernel.
//
//     scalars     numbers only
//     pointwise   results of one shape; whatever they are computed from is computed for each of their elements
//     rows        reductions of one space over exactly its last `row_axes` axes; results of the space, or one per row
//     scatter     one scatter_add, which is the one result and is read by nothing
//     lines       one node along lines, whose results are those of the kernel and are read by nothing
//     contract    one dot and no reduction; results of its shape
//
// Of rows and contractions some values are *tied*: they are at hand for the row, or the element, that is being
// computed, and for no other one. These are the sums, what is kept of a row, and what is computed from either. A tied
// value may be read by what stands at the same index, or repeats it along the last axes, and by the reductions of its
// rows.
#include "ir/index_map.h"
#include "ir/kernel_fields.h"
#include "ir/verify/parts.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::verifying {
namespace {

using Axes = std::vector<i64>;

constexpr u32 deepest = 4000; // code is made of a kernel from its results down, by recursion

std::vector<Node> const& inside(Node const& kernel) { return kernel.regions.front().nodes; }

i64 count(Node const& kernel, auto test) { return std::count_if(inside(kernel).begin(), inside(kernel).end(), test); }
i64 count_of_trait(Node const& kernel, u32 trait) {
  return count(kernel, [&](Node const& n) { return info(n.op).has(trait); });
}
bool is_scatter(Node const& n) { return n.op == OpCode::scatter_add; }
bool is_along_lines(Node const& n) { return info(n.op).has(along_lines); }

Axes reduced_axes(Node const& n) {
  auto axes = named_axes(n.op, n.attributes);
  std::sort(axes.begin(), axes.end());
  return axes;
}
bool starts_with(Shape const& space, Shape const& part) {
  return part.size() <= space.size() && std::equal(part.begin(), part.end(), space.begin());
}

} // namespace

void KernelForm::check(Node const& k) {
  ++number_;
  auto const kind = k.kernel->kind;
  if (k.results.empty()) return complain(k, "a kernel gives a value, this one none");
  results(k);
  nodes(k, kind);
  facts(k);
  switch (kind) {
  case KernelKind::scalars: return scalars(k);
  case KernelKind::pointwise: one_shape(k); break;
  case KernelKind::scatter: alone(k, is_scatter); break;
  case KernelKind::lines: alone(k, is_along_lines); break;
  case KernelKind::contract: contract(k); break;
  case KernelKind::rows: rows(k); break;
  }
  depth(k);
}

void KernelForm::results(Node const& k) const {
  auto sorted = k.results;
  std::sort(sorted.begin(), sorted.end());
  auto const twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) complain(k, fmt::format("a kernel gives {} twice", shown(f_, *twice)));
}

void KernelForm::nodes(Node const& k, KernelKind kind) const {
  for (auto const& n : inside(k)) {
    if (info(n.op).has(structural)) complain(n, fmt::format("{} does not stand in a kernel", info(n.op).name));
    bool const fits =
        (!is_scatter(n) || kind == KernelKind::scatter) && (!is_along_lines(n) || kind == KernelKind::lines);
    if (!fits) complain(n, fmt::format("{} does not stand in a kernel of kind {}", info(n.op).name, name(kind)));
  }
}

// What is said of the kernel belongs to its kind.
void KernelForm::facts(Node const& k) const {
  for (auto const& field : kernel_fields())
    if (!field.belongs_to(k.kernel->kind) && field.read(*k.kernel))
      complain(k, fmt::format("{} is for kernels of kind {}, this one is of kind {}", field.spec.name,
                              kinds_text(field), name(k.kernel->kind)));
}

void KernelForm::depth(Node const& k) {
  for (auto const& n : inside(k)) {
    u32 depth = 0;
    for (auto v : n.operands)
      if (inside_[v].kernel == number_) depth = std::max(depth, inside_[v].depth);
    if (++depth > deepest)
      return complain(n, fmt::format("more than {} nodes of a kernel are computed from one another", deepest));
    for (auto v : n.results) inside_[v].kernel = number_, inside_[v].depth = depth;
  }
}

void KernelForm::scalars(Node const& k) const {
  for (auto v : k.results)
    if (f_.type(v).rank() != 0)
      complain(k, fmt::format("a kernel of kind scalars gives numbers, but {} is {}", shown(f_, v), f_.type(v).text()));
}

void KernelForm::one_shape(Node const& k) const {
  auto const first = k.results.front();
  for (auto v : k.results)
    if (f_.type(v).shape != f_.type(first).shape)
      return complain(k, fmt::format("results of a kernel of kind pointwise have one shape, but {} is {} and {} {}",
                                     shown(f_, first), f_.type(first).text(), shown(f_, v), f_.type(v).text()));
}

void KernelForm::alone(Node const& k, bool (*is_it)(Node const&)) const {
  auto const kind = name(k.kernel->kind);
  std::string const what = k.kernel->kind == KernelKind::scatter ? "scatter_add" : "node along lines";
  i64 const found = count(k, is_it);
  if (found != 1) return complain(k, fmt::format("a kernel of kind {} has one {}, found {}", kind, what, found));
  auto const n = std::find_if(inside(k).begin(), inside(k).end(), is_it);
  if (k.results != n->results)
    return complain(*n, n->results.size() == 1 ? fmt::format("a {} is the one result of its kernel", what)
                                               : fmt::format("the results of a {} are those of its kernel", what));
  for (auto const& reader : inside(k))
    for (auto v : n->results)
      if (std::find(reader.operands.begin(), reader.operands.end(), v) != reader.operands.end())
        complain(reader, fmt::format("nothing in its kernel reads the result of a {}", what));
}

void KernelForm::contract(Node const& k) {
  i64 const dots = count_of_trait(k, contracts);
  if (dots != 1) return complain(k, fmt::format("a kernel of kind contract has one dot, found {}", dots));
  for (auto const& n : inside(k))
    if (info(n.op).has(reduces))
      complain(n, fmt::format("{} does not stand in a kernel of kind contract", info(n.op).name));
  auto const dot =
      std::find_if(inside(k).begin(), inside(k).end(), [](Node const& n) { return info(n.op).has(contracts); });
  auto const& type = f_.type(dot->result());
  for (auto v : k.results)
    if (f_.type(v).shape != type.shape)
      complain(k, fmt::format("results of a kernel of kind contract have the shape of its dot, {}, but {} is {}",
                              type.text(), shown(f_, v), f_.type(v).text()));
  ties(k, {type.shape, type.shape.size()});
}

void KernelForm::rows(Node const& k) {
  Walk walk;
  if (!row_reductions(k, walk)) return;
  Shape const outer(walk.space.begin(), walk.space.begin() + static_cast<std::ptrdiff_t>(walk.outer));
  for (auto v : k.results)
    if (f_.type(v).shape != walk.space && f_.type(v).shape != outer)
      complain(k, fmt::format("{} is {}: results of rows are of their space, {}, or one per row", shown(f_, v),
                              f_.type(v).text(), Type{f_.type(v).dtype, walk.space}.text()));
  ties(k, walk);
}

// Finds the space and where its rows begin.
bool KernelForm::row_reductions(Node const& k, Walk& walk) const {
  i64 const row_axes = k.kernel->row_axes;
  Node const* first = nullptr;
  for (auto const& n : inside(k)) {
    if (info(n.op).has(contracts)) return complain(n, "dot does not stand among rows"), false;
    if (!info(n.op).has(reduces)) continue;
    auto const& shape = f_.type(n.operands[0]).shape;
    auto const rank = static_cast<i64>(shape.size());
    Axes last;
    for (i64 a = std::max<i64>(0, rank - row_axes); a < rank; ++a) last.push_back(a);
    if (reduced_axes(n) != last || static_cast<i64>(last.size()) != row_axes || row_axes < 1)
      return complain(n, fmt::format("{} among rows of {} axes reduces others than these", info(n.op).name, row_axes)),
             false;
    if (first && shape != walk.space)
      return complain(n, fmt::format("{} among rows of {} is over {}", info(n.op).name,
                                     f_.type(first->operands[0]).text(), f_.type(n.operands[0]).text())),
             false;
    if (!first) walk = {shape, static_cast<size_t>(rank - row_axes)};
    first = &n;
  }
  if (!first) complain(k, "a kernel of kind rows reduces rows, this one reduces nothing");
  return first != nullptr;
}

bool KernelForm::starts_tie(Node const& n, Walk const& walk) const {
  auto const& op = info(n.op);
  bool const rows = walk.outer < walk.space.size();
  return op.has(contracts) || op.has(reduces) || (rows && op.has(costly) && f_.type(n.result()).shape == walk.space);
}

// Does the node read this operand at the index, or first axes of the index, that its own element stands at?
bool KernelForm::reads_in_step(Node const& n, size_t operand, Walk const& walk) const {
  auto const& op = info(n.op);
  auto const& from = f_.type(n.operands[operand]).shape;
  auto const& to = f_.type(n.result()).shape;
  if (op.has(reduces)) return from == walk.space;
  if (to.size() < walk.outer || !starts_with(walk.space, to)) return false;
  if (op.has(elementwise)) return from == to;
  return nnc::reads_in_step(f_, n, operand);
}

void KernelForm::ties(Node const& k, Walk const& walk) {
  for (auto const& n : inside(k)) {
    bool tied = starts_tie(n, walk);
    for (size_t i = 0; i < n.operands.size(); ++i) {
      // There is one number of each name, whatever the index; in a contraction there is one for each element.
      bool const anywhere = f_.type(n.operands[i]).rank() == 0 && walk.outer < walk.space.size();
      if (!is_tied(n.operands[i]) || anywhere) continue;
      if (!reads_in_step(n, i, walk))
        complain(n, fmt::format("{} reads {} at another index than that of the kernel", info(n.op).name,
                                shown(f_, n.operands[i])));
      tied = true;
    }
    for (auto v : n.results) inside_[v].kernel = number_, inside_[v].tied = tied;
  }
}

} // namespace nnc::verifying
