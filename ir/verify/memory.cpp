// Everything is stored where it may be, and is still there when it is read.
//
// Before `plan_memory`: kernels stand with kernels and with reshapes of what is stored; numbers that every thread
// computes for itself need nothing that a kernel stores; each result with a buffer is a value of its own that a kernel
// stores. Afterwards the kernels are walked in order, with the value that each place holds; a place that is needed once
// more than it lasts is named, and a barrier that is missing (ir/memory.h).
#include "ir/memory.h"
#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/scratch.h"
#include "ir/verify/parts.h"
#include "ir/walk.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <set>
#include <utility>

namespace nnc::verifying {
namespace {

std::string text(Place const& p) {
  constexpr std::string_view kinds[] = {"slot", "argument", "result", "local", "round"}; // in the order of the enum
  return fmt::format("{}({})", kinds[static_cast<size_t>(p.kind)], p.index);
}

bool is_finished(Node const& n) {
  if (holds_scopes(n)) return true; // what it holds is looked at
  return n.kernel && n.kernel->places && (n.kernel->schedule || n.kernel->kind == KernelKind::scalars);
}
bool is_reported(Result const& r) { return r.role == Role::loss || r.role == Role::metric; }

class Memory {
public:
  Memory(Module const& m, Function const& f, Complain const& complain)
      : module_(m), f_(f), complain_(complain), given_by_(f.values.size(), nullptr) {
    each_node(f.body.nodes, [&](Node const& n) {
      if (is_kernel(n))
        for (auto v : n.results) given_by_[v] = &n;
    });
  }

  void run() {
    root_ = roots_of(f_);
    known_ = numbers_of_threads(f_); // before any kernel has stored anything
    nodes(f_.body.nodes);
    results();
    if (!fine_ || !is_planned(f_)) return;
    numbers();
    scratch();
    home_.resize(f_.values.size());
    expect_results();
    for (size_t i = 0; i < f_.arguments.size(); ++i)
      settle(f_.arguments[i].value, {Place::Kind::argument, static_cast<i64>(i)});
    each_node(f_.body.nodes, [&](Node const& n) {
      if (is_kernel(n)) places(n);
      if (holds_scopes(n)) places_of_scope(n);
    });
    if (!fine_) return;
    run(f_.body.nodes);
    for (auto const& r : f_.results)
      if (!f_.values[r.value].constant && !is_at_home(r.value))
        complain(at(r), fmt::format("{} is overwritten by {} before the function ends", shown(f_, r.value),
                                    shown(f_, holder(*home(r.value)))));
  }

  // Of any function.
  void results() {
    std::vector<bool> taken(f_.values.size());
    replaced_ = f_.replaced_arguments();
    for (size_t i = 0; i < f_.results.size(); ++i) {
      auto const& r = f_.results[i];
      if (is_reported(r) ? is_at_hand(r) : is_unchanged(i)) continue;
      if (!is_stored(r)) complain(at(r), fmt::format("result {} is stored by no kernel", r.name));
      else if (!is_reported(r) && taken[r.value])
        complain(at(r),
                 fmt::format("{} is another result already, and needs a copy to be {}", shown(f_, r.value), r.name));
      taken[r.value] = taken[r.value] || !is_reported(r);
    }
  }

private:
  void complain(Location at, std::string message) {
    fine_ = false;
    complain_(at ? at : f_.at, std::move(message));
  }
  Location at(Result const& r) const { return f_.values[r.value].at; }

  bool is_unchanged(size_t result) const {
    auto const a = replaced_[result];
    return a && f_.arguments[*a].value == f_.results[result].value;
  }
  bool is_at_hand(Result const& r) const { return f_.values[r.value].constant || given_by_[stored(r.value)]; }
  bool is_stored(Result const& r) const {
    auto const* k = given_by_[r.value];
    return k && !is_kernel(*k, KernelKind::scalars);
  }
  ValueId stored(ValueId v) const { return root_.empty() ? v : root_[v]; }

  // ---- kernels and what stands between them ------------------------------------------------------------------------

  void nodes(std::vector<Node> const& list) {
    for (auto const& n : list) {
      if (holds_scopes(n)) {
        for (auto const& r : n.regions) nodes(r.nodes);
        scope(n);
      } else if (is_alias(f_, n)) {
        if (f_.values[n.operands[0]].constant)
          complain(n.at, "a reshape outside of a kernel is of a value that is stored");
      } else if (n.op != OpCode::kernel) {
        complain(n.at, "beside kernels there are reshapes and nodes with regions only");
      } else if (is_kernel(n, KernelKind::scalars)) {
        for (auto v : n.operands)
          if (!known_[v]) complain(n.at, fmt::format("{} is not known before the kernels run", shown(f_, v)));
      }
    }
  }

  // What a region gives is stored by a kernel in it, each value once; so is what a scan walks over and starts from.
  void scope(Node const& n) {
    auto const stored = [&](ValueId v) {
      auto const* k = f_.values[v].constant ? nullptr : given_by_[v];
      return k && !is_kernel(*k, KernelKind::scalars);
    };
    for (auto const& r : n.regions) {
      std::set<ValueId> own, taken;
      for (auto const& inner : r.nodes) own.insert(inner.results.begin(), inner.results.end());
      for (auto v : r.results)
        if (!stored(v) || !own.contains(v) || !taken.insert(v).second)
          complain(n.at, fmt::format("{}, which a region of {} gives, is no value of its own of a kernel in it",
                                     shown(f_, v), info(n.op).name));
    }
    if (n.op != OpCode::scan) return;
    Scan const s(n);
    for (size_t i = 0; i < s.carries; ++i) next_carries_.insert(s.next(i));
    for (size_t i = 0; i < s.stacks(); ++i) stacked_.insert(s.given(i));
    round_count_ += s.sequences + s.stacks();
    for (size_t i = 0; i < s.carries; ++i)
      if (!stored(s.first(i)) || std::count(n.operands.begin(), n.operands.end(), s.first(i)) > 1)
        complain(n.at, fmt::format("{}, where a carry of scan lives, is no value of its own of a kernel",
                                   shown(f_, s.first(i))));
  }

  // ---- places ------------------------------------------------------------------------------------------------------

  void numbers() {
    i64 own = 0;
    each_node(f_.body.nodes, [&](Node const& n) {
      if (is_kernel(n, KernelKind::scalars)) own += static_cast<i64>(n.results.size());
    });
    if (f_.locals > own) complain(f_.at, fmt::format("{} locals, but kernels of kind scalars give {}", f_.locals, own));
    for (auto const& slot : f_.slots)
      if (Dim::maximum(slot, Dim(0)) != slot)
        complain(f_.at, fmt::format("a slot of {} bytes may have less than none", slot.text()));
  }

  // Kernels follow each other on a thread, so each may have all of it.
  void scratch() {
    auto const target = module_.target.value_or(Target{});
    each_node(f_.body.nodes, [&](Node const& n) {
      if (!is_kernel(n)) return;
      if (i64 const need = scratch_of(f_, n, known_, target).bytes; need > f_.scratch)
        complain(n.at, fmt::format("the buffers of this kernel take {} bytes, but the function has scratch={}", need,
                                   f_.scratch));
    });
  }

  void expect_results() {
    expected_.resize(f_.values.size());
    auto const ends = places_of_results(f_);
    for (size_t i = 0; i < ends.size(); ++i)
      if (ends[i] && !is_unchanged(i)) expected_[f_.results[i].value] = ends[i];
  }

  void places(Node const& n) {
    auto const& list = n.kernel->places;
    if (!list) return complain(n.at, "this kernel has no places, others have");
    if (list->size() != n.results.size())
      return complain(n.at, fmt::format("{} places for {} results", list->size(), n.results.size()));
    for (size_t i = 0; i < list->size(); ++i) {
      if (!is_allowed(n, n.results[i], (*list)[i])) continue;
      for (size_t j = 0; j < i; ++j)
        if ((*list)[i] == (*list)[j]) complain(n.at, fmt::format("{} is the place of two results", text((*list)[i])));
      settle(n.results[i], (*list)[i]);
    }
  }

  // Of the elements of a round and of the stacks, or of the results of a cond.
  void places_of_scope(Node const& n) {
    auto const list = n.attributes.get_or("places", std::vector<Place>{});
    bool const scan = n.op == OpCode::scan;
    size_t const sequences = scan ? Scan(n).sequences : 0, carries = scan ? Scan(n).carries : 0;
    if (list.size() != sequences + n.results.size() - carries)
      return complain(n.at, fmt::format("{} places for {} values of {}", list.size(),
                                        sequences + n.results.size() - carries, info(n.op).name));
    for (size_t i = 0; i < list.size(); ++i) {
      ValueId const v = i < sequences ? Scan(n).element(i) : n.results[i - sequences + carries];
      bool const part = i < sequences;
      if (list[i].kind != (part ? Place::Kind::round : Place::Kind::slot) || list[i].index < 0 ||
          (!part && static_cast<size_t>(list[i].index) >= f_.slots.size()))
        complain(n.at, fmt::format("{} is in {}, expected {}", shown(f_, v), text(list[i]),
                                   part ? "an address of the round" : "a slot"));
      else if (part ? is_new_round(n, list[i]) : fits(n, v, list[i])) settle(v, list[i]);
    }
  }

  // Each address of a round is of one value.
  bool is_new_round(Node const& n, Place const& p) {
    if (p.index < 0 || static_cast<size_t>(p.index) >= round_count_)
      return complain(n.at, fmt::format("{} does not exist", text(p))), false;
    if (!rounds_.insert(p.index).second)
      return complain(n.at, fmt::format("{} is the place of two values", text(p))), false;
    return true;
  }

  bool is_allowed(Node const& n, ValueId v, Place const& p) {
    auto const wrong = [&](std::string message) { return complain(n.at, std::move(message)), false; };
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
    complain(n.at, fmt::format("slot {} of {} bytes is too small for {}", p.index, slot.text(), type.text()));
    return false;
  }

  // ---- what each place holds ---------------------------------------------------------------------------------------

  using Key = std::pair<Place::Kind, i64>;
  void settle(ValueId v, Place const& p) { home_[v] = p; }
  std::optional<Place> const& home(ValueId v) const { return home_[root_[v]]; }
  ValueId holder(Place const& p) const {
    if (auto it = holder_.find(Key{p.kind, p.index}); it != holder_.end()) return it->second;
    return p.kind == Place::Kind::argument ? f_.arguments[static_cast<size_t>(p.index)].value : no_value;
  }
  bool is_at_home(ValueId v) const { return holder(*home(v)) == root_[v]; }

  void run(std::vector<Node> const& list) {
    for (auto const& n : list) {
      if (is_kernel(n)) kernel(n);
      if (n.op == OpCode::scan) scan(Scan(n));
      if (n.op == OpCode::cond) cond(n);
    }
  }
  void hold(ValueId v) { holder_[Key{home(v)->kind, home(v)->index}] = root_[v]; }
  void is_there(Node const& n, ValueId v, ValueId now) {
    if (holder(*home(v)) != now)
      complain(n.at, fmt::format("{} of {} has lost its place, {}, to {}", shown(f_, v), info(n.op).name,
                                 text(*home(v)), shown(f_, holder(*home(v)))));
  }

  // Two rounds: what the first one leaves behind, the second one finds.
  void scan(Scan const& s) {
    for (size_t i = 0; i < s.carries; ++i) is_there(s.node, s.first(i), root_[s.first(i)]);
    for (size_t i = 0; i < s.stacks(); ++i) hold(s.stack(i));
    Hazards const before = hazards_;
    for (int round = 0; fine_ && round < 2; ++round) {
      for (size_t i = 0; i < s.sequences; ++i) {
        is_there(s.node, s.sequence(i), root_[s.sequence(i)]);
        hold(s.element(i));
        whole_[home(s.element(i))->index] = s.sequence(i);
      }
      for (size_t i = 0; i < s.stacks(); ++i)
        if (home(s.given(i))) whole_[home(s.given(i))->index] = s.stack(i);
      run(s.body().nodes);
      for (size_t i = 0; i < s.carries; ++i) {
        is_there(s.node, s.first(i), s.next(i));
        hold(s.first(i));
      }
      for (size_t i = 0; i < s.stacks(); ++i) {
        is_there(s.node, s.stack(i), s.stack(i));
        if (home(s.given(i))->kind != Place::Kind::round)
          complain(s.node.at,
                   fmt::format("{} is stacked, but is in {}", shown(f_, s.given(i)), text(*home(s.given(i)))));
      }
    }
    hazards_.join(before);
  }

  void cond(Node const& n) {
    if (!known_[n.operands[0]]) {
      if (!is_at_home(n.operands[0]))
        complain(n.at, fmt::format("{} is read here, but {} has taken its place, {}", shown(f_, n.operands[0]),
                                   shown(f_, holder(*home(n.operands[0]))), text(*home(n.operands[0]))));
      meet(n, {shared({n.operands[0]}), {}, true}, n.attributes.get_or("barrier", false));
    }
    auto const holders = holder_;
    Hazards const hazards = hazards_;
    run(n.regions[0].nodes);
    side_is_there(n, n.regions[0]);
    auto const first = std::exchange(holder_, holders);
    Hazards const other = std::exchange(hazards_, hazards);
    run(n.regions[1].nodes);
    side_is_there(n, n.regions[1]);
    hazards_.join(other);
    for (auto const& [place, v] : first)
      if (auto [it, fresh] = holder_.try_emplace(place, v); !fresh && it->second != v) it->second = no_value;
    for (auto v : n.results) hold(v);
  }
  void side_is_there(Node const& n, Region const& side) {
    for (size_t i = 0; i < n.results.size(); ++i) is_there(n, n.results[i], side.results[i]);
  }

  void kernel(Node const& n) {
    for (auto v : n.operands)
      if (!is_at_home(v))
        complain(n.at, fmt::format("{} is read here, but {} has taken its place, {}", shown(f_, v),
                                   shown(f_, holder(*home(v))), text(*home(v))));
    for (auto v : n.results) {
      if (auto old = overwritten_while_read(n, v); old != no_value)
        complain(n.at, fmt::format("{} is written over {}, which this kernel reads", shown(f_, v), shown(f_, old)));
    }
    for (auto v : n.results) holder_[Key{home_[v]->kind, home_[v]->index}] = v;
    if (n.kernel->kind != KernelKind::scalars)
      meet(n, {shared(n.operands), shared(n.results), n.kernel->is_parallel()}, n.kernel->barrier);
  }

  ValueId overwritten_while_read(Node const& n, ValueId v) const {
    std::vector<ValueId> old;
    for (auto o : n.operands)
      if (home(o) == home_[v]) old.push_back(o);
    if (old.empty()) return no_value;
    bool const replaces = home_[v]->kind == Place::Kind::argument || next_carries_.contains(v);
    bool const in_place = replaces && reads_at_same_index(f_, n, old, f_.type(v).shape);
    return in_place ? no_value : old.front();
  }

  void meet(Node const& n, Touches const& t, bool barrier) {
    if (barrier) hazards_.met();
    else if (hazards_.must_meet(t))
      complain(n.at, fmt::format("this {} needs barrier=true: it touches what other threads may still read or write",
                                 info(n.op).name));
    hazards_.ran(t);
  }
  // Of a part of a sequence the place of all of it.
  std::vector<Place> shared(std::vector<ValueId> const& values) const {
    std::vector<Place> places;
    for (auto v : values) {
      Place p = *home(v);
      while (p.kind == Place::Kind::round && whole_.contains(p.index)) p = *home(whole_.at(p.index));
      if (p.kind != Place::Kind::local) places.push_back(p);
    }
    return places;
  }

  Module const& module_;
  Function const& f_;
  Complain const& complain_;
  bool fine_ = true;
  std::vector<Node const*> given_by_;           // per value: its kernel
  std::vector<std::optional<size_t>> replaced_; // per result: the argument that it replaces
  std::vector<ValueId> root_;                   // per value
  std::vector<std::optional<Place>> expected_;  // per value: as a result
  std::vector<std::optional<Place>> home_;      // per value
  std::vector<bool> known_;                     // per value: a number that every thread has
  std::map<Key, ValueId> holder_;
  std::set<ValueId> stacked_;      // what rounds give to be stacked
  size_t round_count_ = 0;         // of elements and of what is stacked, in all scans
  std::set<i64> rounds_;           // that are places
  std::set<ValueId> next_carries_; // written over the carries of the round
  std::map<i64, ValueId> whole_;   // per round(i): what it is a part of
  Hazards hazards_;
};

} // namespace

void verify_memory(Module const& m, Function const& f, Complain const& complain) { Memory(m, f, complain).run(); }

void verify_results(Function const& f, Complain const& complain) {
  Module const nothing;
  Memory(nothing, f, complain).results();
}

namespace {

Node const* unfinished(Function const& f, std::vector<Node> const& nodes) {
  for (auto const& n : nodes) {
    if (!is_alias(f, n) && !is_finished(n)) return &n;
    if (holds_scopes(n))
      for (auto const& r : n.regions)
        if (auto const* inner = unfinished(f, r.nodes)) return inner;
  }
  return nullptr;
}

} // namespace

void verify_all_passes(Function const& f, Complain const& complain) {
  if (auto const* n = unfinished(f, f.body.nodes))
    complain(n->at ? n->at : f.at,
             fmt::format("no code can be made of @{}: passes up to plan_memory are missing", f.name));
}

} // namespace nnc::verifying
