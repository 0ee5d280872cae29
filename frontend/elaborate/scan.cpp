#include "frontend/elaborate/scan.h"
#include "frontend/elaborate/batch_number.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/call.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/statement.h"
#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/walk.h"

#include "ir/scan.h"

#include <fmt/core.h>
#include <numeric>

namespace nnc::front {

using namespace syntax;

namespace {

// Does a block of a scan's body hold an `emit`? Those of scans in it are their own.
struct EmitFinder {
  bool found = false;
  void expression(Expr const&) {}
  void function(FunctionDecl const&) {}
  void pattern(TypePattern const&) {}
  void block(Block const& b) {
    for (auto const& s : b.statements) {
      found |= std::holds_alternative<EmitStmt>(s->as);
      Parts{*this}.of(*s);
    }
  }
};

std::vector<i64> to_front(int rank, i64 axis) {
  std::vector<i64> permutation{axis};
  for (i64 a = 0; a < rank; ++a)
    if (a != axis) permutation.push_back(a);
  return permutation;
}
std::vector<i64> from_front(int rank, i64 axis) {
  std::vector<i64> permutation;
  for (i64 a = 1; a < rank; ++a) permutation.push_back(a);
  permutation.insert(permutation.begin() + axis, 0);
  return permutation;
}

} // namespace

RegionGuard::RegionGuard(Context& now, char const* what)
    : now_(now), graph_(*now.graph), nodes_(std::exchange(graph_.function.body.nodes, {})), extents_(graph_.extents),
      around_(std::exchange(now.region, what)) {
  graph_.around.push_back(&nodes_);
}

RegionGuard::~RegionGuard() {
  graph_.around.pop_back();
  graph_.function.body.nodes = std::move(nodes_);
  graph_.extents = std::move(extents_);
  now_.region = around_;
}

std::vector<Node> RegionGuard::take() { return std::exchange(graph_.function.body.nodes, {}); }

// One scan while it is elaborated.
class ScanBuilder {
public:
  ScanBuilder(Elaborator& e, ScanExpr const& s, Location at) : e_(e), now_(e.now), errors_(e.errors), s_(s), at_(at) {}

  Any run() {
    if (!now_.graph) errors_.fail(at_, "a scan cannot run here: this is computed while compiling");
    if (s_.targets.size() != s_.over.size())
      errors_.fail(at_, fmt::format("{} name{} for {} sequence{}", s_.targets.size(), s_.targets.size() == 1 ? "" : "s",
                                    s_.over.size(), s_.over.size() == 1 ? "" : "s"));
    for (auto const& x : s_.over) sequence(*x);
    for (auto const& name : s_.carried) carry(name);
    region();
    auto const results = finish();
    for (size_t i = 0; i < s_.carried.size(); ++i)
      e_.statements.bind(s_.carried[i].text, e_.tensors.tensor(results[i]), s_.carried[i].at);
    return stacked_values(results);
  }

private:
  void sequence(Expr const& x) {
    Any const value = e_.expressions.eval(x);
    if (value.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    if (!value.tensor() || value.tensor()->tunes)
      errors_.fail(x.at, fmt::format("a scan runs over tensors, got {}", shown(value)),
                   value.is<Dim>() ? fmt::format("`iota({})` counts from 0", shown(*value.get<Dim>()))
                   : value.list()  ? "`for` runs over lists, while compiling; `stack(list)` makes a tensor of one"
                                   : std::optional<std::string>());
    ValueId v = e_.tensors.value_here(value, x.at);
    Type const type = now_.graph->type(v);
    if (type.rank() == 0)
      errors_.fail(x.at, fmt::format("a scan runs along an axis, got {}, which has none", shown(type)));
    i64 const axis = s_.axis ? e_.constants.as_axis(e_.expressions.eval(*s_.axis), type.rank(), s_.axis->at) : 0;
    Dim const& extent = type.shape[static_cast<size_t>(axis)];
    if (firsts_.empty()) {
      extent_ = extent;
      axis_ = axis;
      shown_first_ = shown(type);
    } else if (extent_ != extent) {
      errors_.fail(x.at, fmt::format("the lengths of a scan differ: axis {} of {} has {}, that of {} has {}", axis,
                                     shown(type), shown(extent), shown_first_, shown(extent_)));
    }
    length_ = e_.batch_number.of(extent, x.at, "the length of a scan");
    v = e_.batch_number.fix(v, axis, x.at, "the length of a scan");
    firsts_.push_back(e_.tensors.builder(x.at).transpose(v, to_front(type.rank(), axis)));
    elements_.push_back(e_.tensors.builder(x.at).value(element_of(now_.graph->type(firsts_.back()))));
  }

  void carry(Name const& name) {
    if (now_.frame->states.contains(name.text))
      errors_.fail(name.at, fmt::format("`{}` is a state: a scan carries names", name.text),
                   "bind its value to another name, and write the last one with `<-` behind the scan");
    if (!e_.lookup.local(name.text) && !now_.frame->untaken.contains(name.text))
      errors_.fail(name.at, fmt::format("the carry `{}` has no value in front of the scan", name.text),
                   fmt::format("what it begins with stands there, `{} = zeros([8])`", name.text));
    Any const value = e_.lookup.lookup(name.text, name.at);
    if (value.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    firsts_.push_back(e_.tensors.as_tensor(value, name.at));
    carried_.push_back(e_.tensors.builder(name.at).value(now_.graph->type(firsts_.back()), name.text));
  }

  // The names that are bound in the body end with it; those from outside are the same afterwards.
  void region() {
    auto const names = now_.frame->names;
    auto const untaken = now_.frame->untaken;
    auto* const around = now_.frame->scan;
    auto* const rounds = now_.graph->round;
    ScanScope scope{.names = &names};
    for (auto const& n : s_.targets) scope.own.insert(n.text);
    for (auto const& n : s_.carried) scope.own.insert(n.text);
    ScanRound round{.length = length_, .around = rounds};
    now_.frame->scan = &scope;
    now_.graph->round = &round;
    auto const leave = [&] {
      now_.frame->returned = false; // a `return` has been refused
      now_.frame->result.reset();
      now_.frame->names = names;
      now_.frame->untaken = untaken;
      now_.frame->scan = around;
      now_.graph->round = rounds;
    };
    Frame* const frame = now_.frame;
    try {
      RegionGuard guard(now_, "scan");
      for (size_t i = 0; i < s_.targets.size(); ++i)
        e_.statements.bind(s_.targets[i].text, e_.tensors.tensor(elements_[i]), s_.targets[i].at);
      for (size_t i = 0; i < s_.carried.size(); ++i)
        e_.statements.bind(s_.carried[i].text, e_.tensors.tensor(carried_[i]), s_.carried[i].at);
      e_.statements.block(s_.body, false);
      if (now_.frame->returned) throw Failure{.diagnostic = {}, .silent = true};
      results(scope);
      body_.nodes = guard.take();
    } catch (...) {
      now_.frame = frame;
      leave();
      throw;
    }
    leave();
    round_ = round.element;
  }

  void results(ScanScope const& scope) {
    for (size_t i = 0; i < s_.carried.size(); ++i) {
      Name const& name = s_.carried[i];
      Any const next = now_.frame->names[name.text];
      if (next.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
      Type const& type = now_.graph->type(carried_[i]);
      Location const at = next.at ? next.at : name.at;
      ValueId const v = next.tensor() ? e_.tensors.as_tensor(next, at) : e_.tensors.as_tensor(next, type.dtype, at);
      if (now_.graph->type(v) != type)
        errors_.fail(at,
                     fmt::format("the carry `{}` changes its type: {} when the scan begins, {} after a round",
                                 name.text, shown(type), shown(now_.graph->type(v))),
                     {}, {{name.at, "carried here"}});
      body_.results.push_back(v);
    }
    if (!scope.emitted) {
      EmitFinder finder;
      finder.block(s_.body);
      if (finder.found)
        errors_.fail(at_, "`emit` is missing on the way that is taken through the body",
                     "each way through the branches of an `if` emits once");
      return;
    }
    is_list_ = scope.emitted->list() != nullptr;
    for (auto const& value : is_list_ ? *scope.emitted->list() : List{*scope.emitted}) emitted(value, scope.emit_at);
  }

  void emitted(Any const& value, Location at) {
    if (value.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    ValueId const v = e_.tensors.as_tensor(value, at);
    if (now_.graph->type(v).rank() < axis_)
      errors_.fail(at, fmt::format("what is emitted is stacked along axis {}, which {} has no place for", axis_,
                                   shown(now_.graph->type(v))));
    body_.results.push_back(v);
  }

  std::vector<ValueId> finish() {
    Builder& make = e_.tensors.builder(at_);
    body_.arguments = elements_;
    if (round_ != no_value) { // what random draws take
      body_.arguments.push_back(round_);
      ValueId const count = make.make(OpCode::iota, {}, {{"axis", i64{0}}}, Type{DType::i64, {length_}});
      firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(elements_.size()), count);
    }
    body_.arguments.insert(body_.arguments.end(), carried_.begin(), carried_.end());
    if (body_.results.empty()) return {};
    return make.scan(firsts_, carried_.size(), {length_, s_.reverse, s_.recompute}, std::move(body_));
  }

  Any stacked_values(std::vector<ValueId> const& results) {
    List out;
    for (size_t i = carried_.size(); i < results.size(); ++i) {
      auto const rank = now_.graph->type(results[i]).rank();
      ValueId const stacked = e_.tensors.builder(at_).transpose(results[i], from_front(rank, axis_));
      out.push_back(e_.tensors.tensor(e_.batch_number.open(stacked, axis_, extent_, at_)));
    }
    if (out.empty()) return Any{None{}};
    return is_list_ ? list_of(std::move(out)) : out.front();
  }

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  ScanExpr const& s_;
  Location at_;
  Dim extent_; // of the axis that the scan runs along
  i64 length_ = 0, axis_ = 0;
  std::string shown_first_;
  std::vector<ValueId> firsts_; // sequences, then the first carries
  std::vector<ValueId> elements_, carried_;
  ValueId round_ = no_value;
  bool is_list_ = false;
  Region body_;
};

Any Scans::run(ScanExpr const& s, Location at) { return ScanBuilder(e_, s, at).run(); }

void Scans::run_emit(EmitStmt const& s, Location at) {
  auto* scan = now_.frame->scan;
  if (!scan) errors_.fail(at, "`emit` stands in a `scan` only");
  if (scan->emitted)
    errors_.fail(at, "a round emits once", "`emit a, b` emits both", {{scan->emit_at, "the first time here"}});
  scan->emitted = Any{Poison{}}; // until it is known
  scan->emit_at = at;
  scan->emitted = e_.expressions.eval_values(s.values);
}

// In a scan only what is carried may be bound anew: other names from outside are the same in every round.
void Scans::refuse_rebinding(std::string const& name, Location at) {
  auto const* scan = now_.frame->scan;
  if (!scan || scan->own.contains(name)) return;
  auto const found = scan->names->find(name);
  if (found == scan->names->end() || found->second.is<Poison>()) return;
  errors_.fail(at, fmt::format("`{}` is from outside of the scan: binding it anew ends with the round", name),
               fmt::format("`carry {}` hands it from round to round", name),
               {{found->second.at, fmt::format("`{}` is bound here", name)}});
}

namespace {

// What a side gives, as tensors.
std::vector<ValueId> given(Elaborator& e, Any const& value, Location at) {
  std::vector<ValueId> out;
  if (value.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  if (value.is<None>()) e.errors.fail(at, "a side of `cond` gives a value, this one none");
  for (auto const& v : value.list() ? *value.list() : List{value}) out.push_back(e.tensors.as_tensor(v, at));
  return out;
}

} // namespace

Any run_cond(BuiltinCall& c) {
  for (size_t i : {1, 2})
    if (!c[i].is<FunctionValue>())
      c.e.errors.fail(c.places[i], fmt::format("a side of `cond` is a function without arguments, got {}", shown(c[i])),
                      "`cond(c, fn() { a }, fn() { b })`");
  if (auto const* known = c[0].get<bool>()) return c.e.calls.call(c[*known ? 1 : 2], {}, c.at);
  if (!c[0].tensor() || type_of(c[0]) != scalar_of(DType::bool_))
    c.e.errors.fail(c.places[0], fmt::format("the condition of `cond` is a bool[], got {}", shown(c[0])),
                    "a choice by element is `select(c, a, b)`");
  ValueId const condition = c.e.tensors.value_here(c[0], c.places[0]);
  std::vector<Region> sides(2);
  bool is_list = false;
  for (size_t i : {0, 1}) {
    RegionGuard guard(c.e.now, "cond");
    Any const value = c.e.calls.call(c[i + 1], {}, c.places[i + 1]);
    is_list = value.list() != nullptr;
    sides[i].results = given(c.e, value, c.places[i + 1]);
    sides[i].nodes = guard.take();
  }
  auto const types = [&](Region const& r) {
    std::string text;
    for (auto v : r.results) text += (text.empty() ? "" : ", ") + shown(c.e.now.graph->type(v));
    return text;
  };
  if (types(sides[0]) != types(sides[1]))
    c.e.errors.fail(c.at, fmt::format("the sides of `cond` differ: {} and {}", types(sides[0]), types(sides[1])));
  List out;
  for (auto v : c.e.tensors.builder(c.at).cond(condition, std::move(sides))) out.push_back(c.e.tensors.tensor(v));
  return is_list ? list_of(std::move(out)) : out.front();
}

} // namespace nnc::front
