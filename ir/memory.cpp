#include "ir/memory.h"

#include "ir/host.h"
#include "ir/index_map.h"
#include "ir/scan.h"
#include "ir/walk.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

namespace nnc {

namespace {

void find_roots(Function const& f, std::vector<Node> const& nodes, std::vector<ValueId>& root) {
  for (auto const& n : nodes) {
    if (is_alias(f, n)) root[n.result()] = root[n.operands[0]];
    if (!holds_scopes(n)) continue;
    if (n.op == OpCode::scan) {
      Scan const s(n);
      for (size_t i = 0; i < s.carries; ++i) root[s.carried(i)] = root[s.last(i)] = root[s.first(i)];
    }
    for (auto const& r : n.regions) find_roots(f, r.nodes, root);
  }
}

} // namespace

std::vector<bool> unchanged_results(Function const& f) {
  std::vector<bool> unchanged;
  auto const replaced = f.replaced_arguments();
  for (size_t i = 0; i < replaced.size(); ++i)
    unchanged.push_back(replaced[i] && f.arguments[*replaced[i]].value == f.results[i].value);
  return unchanged;
}

std::vector<ValueId> roots_of(Function const& f) {
  std::vector<ValueId> root(f.values.size());
  std::iota(root.begin(), root.end(), ValueId{0});
  find_roots(f, f.body.nodes, root);
  return root;
}

namespace {

void find_numbers(Function const& f, std::vector<Node> const& nodes, std::vector<bool>& out) {
  for (auto const& n : nodes) {
    if (is_alias(f, n)) out[n.result()] = out[n.operands[0]];
    for (auto v : n.results)
      if (is_kernel(n, KernelKind::scalars)) out[v] = true;
    if (holds_scopes(n))
      for (auto const& r : n.regions) find_numbers(f, r.nodes, out);
  }
}

} // namespace

std::vector<bool> numbers_of_threads(Function const& f) {
  std::vector<bool> out(f.values.size());
  for (auto const& a : f.arguments)
    out[a.value] = a.role == Role::scalar || a.role == Role::step || a.role == Role::seed;
  find_numbers(f, f.body.nodes, out);
  return out;
}

namespace {

constexpr i64 line = 64, page = 4096;
constexpr i64 most_fixed_cells = 16;     // that the frames of all functions have
constexpr i64 most_bytes = i64{1} << 46; // of a slot, of a part

} // namespace

// Each kernel is handed the addresses of what it reads and gives, each once, or where a number stands.
i64 frame_bytes(Function const& f) {
  size_t cells =
      most_fixed_cells + static_cast<size_t>(f.locals) + f.slots.size() + 2 * f.arguments.size() + f.results.size();
  each_node(f.body.nodes, [&](Node const& n) {
    if (is_kernel(n)) cells += n.operands.size() + n.results.size();
    if (n.op == OpCode::scan) cells += Scan(n).sequences + Scan(n).stacks();
  });
  return round_up(static_cast<i64>(cells) * 8, line);
}

i64 bytes_of_part(Function const& f) { return round_up(frame_bytes(f) + f.scratch, page); }

std::optional<i64> arena_bytes(Function const& f, i64 batch, i64 members) {
  if (batch > most_bytes || f.scratch > most_bytes) return {};
  Bindings bindings;
  bindings[static_cast<size_t>(Symbol::batch)] = round_up(batch / f.parts, row_padding);
  i64 total = bytes_of_part(f) * members;
  try {
    for (auto const& slot : f.slots) {
      i64 const size = slot.value(bindings);
      if (size < 0 || size > most_bytes || total > most_bytes) return {};
      total += round_up(size, line);
    }
  } catch (Error const&) { // an extent beyond 64 bits: batch by batch, say
    return {};
  }
  return total;
}

std::vector<std::optional<Place>> places_of_results(Function const& f) {
  std::vector<std::optional<Place>> out;
  for (auto const& replaced : f.replaced_arguments()) {
    size_t const i = out.size();
    if (is_report(f.results[i].role)) out.emplace_back();
    else if (replaced) out.push_back(Place{Place::Kind::argument, static_cast<i64>(*replaced)});
    else out.push_back(Place{Place::Kind::result, static_cast<i64>(i)});
  }
  return out;
}

bool reads_at_same_index(Function const& f, Node const& kernel, std::vector<ValueId> const& operands,
                         Shape const& shape) {
  std::unordered_set<ValueId> old(operands.begin(), operands.end()); // and what is computed from them there
  bool const rows = is_kernel(kernel, KernelKind::rows);
  for (auto const& n : kernel.regions.front().nodes)
    for (size_t i = 0; i < n.operands.size(); ++i) {
      if (!old.contains(n.operands[i])) continue;
      auto const map = index_map(f, n, i);
      bool const here = map && is_identity(*map, space_of(f, n).size()) && f.type(n.operands[i]).shape == shape &&
                        f.type(n.result()).shape == shape;
      if (rows || !here) return false;
      old.insert(n.result());
    }
  return true;
}

bool Hazards::crosses(Place const& p, bool many, bool writes) const {
  auto it = since_.find({p.kind, p.index});
  if (it == since_.end() || !(many || it->second.by_many)) return false;
  return it->second.written || (writes && it->second.read);
}

bool Hazards::must_meet(Touches const& t) const {
  auto any = [&](std::vector<Place> const& places, bool writes) {
    return std::any_of(places.begin(), places.end(), [&](Place const& p) { return crosses(p, t.by_many, writes); });
  };
  return any(t.reads, false) || any(t.writes, true);
}

void Hazards::join(Hazards const& other) {
  for (auto const& [place, touched] : other.since_) {
    auto& at = since_[place];
    at.read |= touched.read;
    at.written |= touched.written;
    at.by_many |= touched.by_many;
  }
}

void Hazards::ran(Touches const& t) {
  auto touched = [&](Place const& p) -> Touched& {
    auto& at = since_[{p.kind, p.index}];
    at.by_many |= t.by_many;
    return at;
  };
  for (auto const& p : t.reads) touched(p).read = true;
  for (auto const& p : t.writes) touched(p).written = true;
}

} // namespace nnc
