// Each value lives where it may: in a slot that is large enough, in an address of a round, where the function's owner
// expects a result; numbers of threads among the locals. What a kernel needs beside, the scratch has room for.
#include "ir/memory.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/scratch.h"
#include "ir/verify/parts.h"
#include "ir/walk.h"

#include <fmt/core.h>
#include <set>

namespace nnc::verifying {
namespace {

class Places {
public:
  Places(Module const& m, Function const& f, KnownValues const& known, Complain const& complain)
      : module_(m), f_(f), known_(known), complain_(complain, f), home_(f.values.size()) {
    each_node(f.body.nodes, [&](Node const& n) {
      if (n.op != OpCode::scan) return;
      Scan const s(n);
      for (size_t i = 0; i < s.stacks(); ++i) stacked_.insert(s.given(i));
      round_count_ += s.sequences + s.stacks();
    });
  }

  std::optional<Homes> run() {
    numbers();
    scratch();
    expect_results();
    for (size_t i = 0; i < f_.arguments.size(); ++i)
      settle(f_.arguments[i].value, {Place::Kind::argument, static_cast<i64>(i)});
    each_node(f_.body.nodes, [&](Node const& n) {
      if (is_kernel(n)) places(n);
      if (holds_scopes(n)) places_of_scope(n);
    });
    if (!complain_.none()) return {};
    return std::move(home_);
  }

private:
  void settle(ValueId v, Place const& p) { home_[v] = p; }

  void numbers() {
    i64 own = 0;
    each_node(f_.body.nodes, [&](Node const& n) {
      if (is_kernel(n, KernelKind::scalars)) own += static_cast<i64>(n.results.size());
    });
    if (f_.locals > own)
      complain_(f_.at, fmt::format("{} locals, but kernels of kind scalars give {}", f_.locals, own));
    for (auto const& slot : f_.slots)
      if (Dim::maximum(slot, Dim(0)) != slot)
        complain_(f_.at, fmt::format("a slot of {} bytes may have less than none", slot.text()));
  }

  // Kernels follow each other on a thread, so each may have all of it.
  void scratch() {
    auto const target = module_.target.value_or(Target{});
    each_node(f_.body.nodes, [&](Node const& n) {
      if (!is_kernel(n)) return;
      if (i64 const need = scratch_of(f_, n, known_.numbers, target).bytes; need > f_.scratch)
        complain_(n.at, fmt::format("the buffers of this kernel take {} bytes, but the function has scratch={}", need,
                                    f_.scratch));
    });
  }

  void expect_results() {
    expected_.resize(f_.values.size());
    auto const ends = places_of_results(f_);
    auto const unchanged = unchanged_results(f_);
    for (size_t i = 0; i < ends.size(); ++i)
      if (ends[i] && !unchanged[i]) expected_[f_.results[i].value] = ends[i];
  }

  void places(Node const& n) {
    auto const& list = n.kernel->places;
    if (!list) return complain_(n.at, "this kernel has no places, others have");
    if (list->size() != n.results.size())
      return complain_(n.at, fmt::format("{} places for {} results", list->size(), n.results.size()));
    for (size_t i = 0; i < list->size(); ++i) {
      if (!is_allowed(n, n.results[i], (*list)[i])) continue;
      for (size_t j = 0; j < i; ++j)
        if ((*list)[i] == (*list)[j]) complain_(n.at, fmt::format("{} is the place of two results", text((*list)[i])));
      settle(n.results[i], (*list)[i]);
    }
  }

  // Of the elements of a round and of the stacks, or of the results of a cond.
  void places_of_scope(Node const& n) {
    auto const list = n.attributes.get_or("places", std::vector<Place>{});
    bool const scan = n.op == OpCode::scan;
    size_t const sequences = scan ? Scan(n).sequences : 0, carries = scan ? Scan(n).carries : 0;
    if (list.size() != sequences + n.results.size() - carries)
      return complain_(n.at, fmt::format("{} places for {} values of {}", list.size(),
                                         sequences + n.results.size() - carries, info(n.op).name));
    for (size_t i = 0; i < list.size(); ++i) {
      ValueId const v = i < sequences ? Scan(n).element(i) : n.results[i - sequences + carries];
      bool const part = i < sequences;
      if (list[i].kind != (part ? Place::Kind::round : Place::Kind::slot) || list[i].index < 0 ||
          (!part && static_cast<size_t>(list[i].index) >= f_.slots.size()))
        complain_(n.at, fmt::format("{} is in {}, expected {}", shown(f_, v), text(list[i]),
                                    part ? "an address of the round" : "a slot"));
      else if (part ? is_new_round(n, list[i]) : fits(n, v, list[i])) settle(v, list[i]);
    }
  }

  // Each address of a round is of one value.
  bool is_new_round(Node const& n, Place const& p) {
    if (p.index < 0 || static_cast<size_t>(p.index) >= round_count_)
      return complain_(n.at, fmt::format("{} does not exist", text(p))), false;
    if (!rounds_.insert(p.index).second)
      return complain_(n.at, fmt::format("{} is the place of two values", text(p))), false;
    return true;
  }

  bool is_allowed(Node const& n, ValueId v, Place const& p) {
    auto const wrong = [&](std::string message) { return complain_(n.at, std::move(message)), false; };
    if (p.kind == Place::Kind::round) {
      if (!stacked_.contains(v)) return wrong(fmt::format("{} is in {}, but no scan stacks it", shown(f_, v), text(p)));
      return is_new_round(n, p);
    }
    size_t const count = p.kind == Place::Kind::slot       ? f_.slots.size()
                         : p.kind == Place::Kind::argument ? f_.arguments.size()
                         : p.kind == Place::Kind::result   ? f_.results.size()
                                                           : static_cast<size_t>(f_.locals);
    if (p.index < 0 || static_cast<size_t>(p.index) >= count) return wrong(fmt::format("{} does not exist", text(p)));
    bool const own = is_kernel(n, KernelKind::scalars);
    if (own != (p.kind == Place::Kind::local))
      return wrong(
          fmt::format("{} is in {}: kernels of kind scalars give locals, and no others do", shown(f_, v), text(p)));
    if (auto const& e = expected_[v]; e && *e != p)
      return wrong(
          fmt::format("{} is a result of the function, which is in {}, not {}", shown(f_, v), text(*e), text(p)));
    if (!expected_[v] && (p.kind == Place::Kind::argument || p.kind == Place::Kind::result))
      return wrong(fmt::format("{} is in {}, which is the place of another value", shown(f_, v), text(p)));
    return p.kind != Place::Kind::slot || fits(n, v, p);
  }

  // Coefficient by coefficient, so for every batch. In a slot `batch` is a multiple of row_padding.
  bool fits(Node const& n, ValueId v, Place const& p) {
    auto const& type = f_.type(v);
    auto const& slot = f_.slots[static_cast<size_t>(p.index)];
    Dim const room = slot.bind(module_.bindings);
    Dim const need = (element_count(type.shape) * bytes(type.dtype)).bind(module_.bindings);
    if (Dim::maximum(room, need) == room) return true;
    complain_(n.at, fmt::format("slot {} of {} bytes is too small for {}", p.index, slot.text(), type.text()));
    return false;
  }

  Module const& module_;
  Function const& f_;
  KnownValues const& known_;
  Complaints complain_;
  Homes home_;
  std::vector<std::optional<Place>> expected_; // per value: as a result
  std::set<ValueId> stacked_;                  // what rounds give to be stacked
  size_t round_count_ = 0;                     // of elements and of what is stacked, in all scans
  std::set<i64> rounds_;                       // that are places
};

} // namespace

std::string text(Place const& p) {
  constexpr std::string_view kinds[] = {"slot", "argument", "result", "local", "round"}; // in the order of the enum
  return fmt::format("{}({})", kinds[static_cast<size_t>(p.kind)], p.index);
}

std::optional<Homes> verify_places(Module const& m, Function const& f, KnownValues const& known,
                                   Complain const& complain) {
  return Places(m, f, known, complain).run();
}

} // namespace nnc::verifying
