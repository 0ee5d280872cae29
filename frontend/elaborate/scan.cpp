// `scan` and `cond`: what runs at run time, once for each element of a sequence, or in one of two ways. Their bodies
// are elaborated once, into the nodes of a region: while they are, the graph grows there.
#include "frontend/elaborate/scan.h"

#include "frontend/elaborate/builtin.h"
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

RegionGuard::RegionGuard(Elaborator& e, char const* what)
    : e_(e), graph_(e.graph()), nodes_(std::exchange(graph_.function.body.nodes, {})), extents_(graph_.extents),
      around_(std::exchange(e.region_, what)) {
  graph_.around.push_back(&nodes_);
}

RegionGuard::~RegionGuard() {
  graph_.around.pop_back();
  graph_.function.body.nodes = std::move(nodes_);
  graph_.extents = std::move(extents_);
  e_.region_ = around_;
}

std::vector<Node> RegionGuard::take() { return std::exchange(graph_.function.body.nodes, {}); }

// One scan while it is elaborated.
class ScanBuilder {
public:
  ScanBuilder(Elaborator& e, ScanExpr const& s, Location at) : e_(e), s_(s), at_(at) {}

  Any run() {
    if (!e_.graph_) e_.fail(at_, "a scan cannot run here: this is computed while compiling");
    if (s_.targets.size() != s_.over.size())
      e_.fail(at_, fmt::format("{} name{} for {} sequence{}", s_.targets.size(), s_.targets.size() == 1 ? "" : "s",
                               s_.over.size(), s_.over.size() == 1 ? "" : "s"));
    for (auto const& x : s_.over) sequence(*x);
    for (auto const& name : s_.carried) carry(name);
    region();
    auto const results = finish();
    for (size_t i = 0; i < s_.carried.size(); ++i) e_.bind(s_.carried[i].text, e_.tensor(results[i]), s_.carried[i].at);
    return stacked_values(results);
  }

private:
  void sequence(Expr const& x) {
    Any const value = e_.eval(x);
    if (value.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    if (!value.tensor() || value.tensor()->tunes)
      e_.fail(x.at, fmt::format("a scan runs over tensors, got {}", shown(value)),
              value.is<Dim>() ? fmt::format("`iota({})` counts from 0", shown(*value.get<Dim>()))
              : value.list()  ? "`for` runs over lists, while compiling; `stack(list)` makes a tensor of one"
                              : std::optional<std::string>());
    ValueId v = e_.value_here(value, x.at);
    auto const type = e_.graph_->type(v);
    if (type.rank() == 0) e_.fail(x.at, fmt::format("a scan runs along an axis, got {}, which has none", shown(type)));
    i64 const axis = s_.axis ? e_.as_axis(e_.eval(*s_.axis), type.rank(), s_.axis->at) : 0;
    Dim const& extent = type.shape[static_cast<size_t>(axis)];
    if (!extent.is_constant())
      e_.fail(x.at,
              fmt::format("the length of a scan is known while compiling: axis {} of {} is {}", axis, shown(type),
                          shown(extent)),
              type.rank() > 1 ? std::optional<std::string>("`axis 1` runs along the next axis") : std::nullopt);
    if (firsts_.empty()) {
      length_ = *extent.constant();
      axis_ = axis;
    } else if (length_ != *extent.constant()) {
      e_.fail(x.at, fmt::format("the lengths of a scan differ: axis {} of {} has {}, that of {} has {}", axis,
                                shown(type), *extent.constant(), shown_first_, length_));
    }
    if (firsts_.empty()) shown_first_ = shown(type);
    firsts_.push_back(e_.builder(x.at).transpose(v, to_front(type.rank(), axis)));
    elements_.push_back(e_.builder(x.at).value(element_of(e_.graph_->type(firsts_.back()))));
  }

  void carry(Name const& name) {
    if (e_.frame_->states.contains(name.text))
      e_.fail(name.at, fmt::format("`{}` is a state: a scan carries names", name.text),
              "bind its value to another name, and write the last one with `<-` behind the scan");
    Any const value = e_.lookup(name.text, name.at);
    if (value.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    firsts_.push_back(e_.as_tensor(value, name.at));
    carried_.push_back(e_.builder(name.at).value(e_.graph_->type(firsts_.back()), name.text));
  }

  // The names that are bound in the body end with it; those from outside are the same afterwards.
  void region() {
    auto const names = e_.frame_->names;
    auto const untaken = e_.frame_->untaken;
    auto* const around = e_.frame_->scan;
    auto* const rounds = e_.graph_->round;
    ScanScope scope{.names = &names};
    for (auto const& n : s_.targets) scope.own.insert(n.text);
    for (auto const& n : s_.carried) scope.own.insert(n.text);
    ScanRound round{.length = length_, .around = rounds};
    e_.frame_->scan = &scope;
    e_.graph_->round = &round;
    auto const leave = [&] {
      e_.frame_->returned = false; // a `return` has been refused
      e_.frame_->result.reset();
      e_.frame_->names = names;
      e_.frame_->untaken = untaken;
      e_.frame_->scan = around;
      e_.graph_->round = rounds;
    };
    Frame* const frame = e_.frame_;
    try {
      RegionGuard guard(e_, "scan");
      for (size_t i = 0; i < s_.targets.size(); ++i)
        e_.bind(s_.targets[i].text, e_.tensor(elements_[i]), s_.targets[i].at);
      for (size_t i = 0; i < s_.carried.size(); ++i)
        e_.bind(s_.carried[i].text, e_.tensor(carried_[i]), s_.carried[i].at);
      e_.block(s_.body, false);
      if (e_.frame_->returned) throw Failure{.diagnostic = {}, .silent = true};
      results(scope);
      body_.nodes = guard.take();
    } catch (...) {
      e_.frame_ = frame;
      leave();
      throw;
    }
    leave();
    round_ = round.element;
  }

  void results(ScanScope const& scope) {
    for (size_t i = 0; i < s_.carried.size(); ++i) {
      Name const& name = s_.carried[i];
      Any const next = e_.frame_->names[name.text];
      if (next.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
      Type const& type = e_.graph_->type(carried_[i]);
      Location const at = next.at ? next.at : name.at;
      ValueId const v = next.tensor() ? e_.as_tensor(next, at) : e_.as_tensor(next, type.dtype, at);
      if (e_.graph_->type(v) != type)
        e_.fail(at,
                fmt::format("the carry `{}` changes its type: {} when the scan begins, {} after a round", name.text,
                            shown(type), shown(e_.graph_->type(v))),
                {}, {{name.at, "carried here"}});
      body_.results.push_back(v);
    }
    if (!scope.emitted) {
      EmitFinder finder;
      finder.block(s_.body);
      if (finder.found)
        e_.fail(at_, "`emit` is missing on the way that is taken through the body",
                "each way through the branches of an `if` emits once");
      return;
    }
    is_list_ = scope.emitted->list() != nullptr;
    for (auto const& value : is_list_ ? *scope.emitted->list() : List{*scope.emitted}) emitted(value, scope.emit_at);
  }

  void emitted(Any const& value, Location at) {
    if (value.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
    ValueId const v = e_.as_tensor(value, at);
    if (e_.graph_->type(v).rank() < axis_)
      e_.fail(at, fmt::format("what is emitted is stacked along axis {}, which {} has no place for", axis_,
                              shown(e_.graph_->type(v))));
    body_.results.push_back(v);
  }

  std::vector<ValueId> finish() {
    Builder& make = e_.builder(at_);
    body_.arguments = elements_;
    if (round_ != no_value) { // what random draws take
      body_.arguments.push_back(round_);
      ValueId const count = make.make(OpCode::iota, {}, {{"axis", i64{0}}}, Type{DType::i64, {length_}});
      firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(elements_.size()), count);
    }
    body_.arguments.insert(body_.arguments.end(), carried_.begin(), carried_.end());
    if (body_.results.empty()) return {};
    return make.scan(firsts_, carried_.size(), length_, s_.reverse, std::move(body_));
  }

  Any stacked_values(std::vector<ValueId> const& results) {
    List out;
    for (size_t i = carried_.size(); i < results.size(); ++i) {
      auto const rank = e_.graph_->type(results[i]).rank();
      out.push_back(e_.tensor(e_.builder(at_).transpose(results[i], from_front(rank, axis_))));
    }
    if (out.empty()) return Any{None{}};
    return is_list_ ? list_of(std::move(out)) : out.front();
  }

  Elaborator& e_;
  ScanExpr const& s_;
  Location at_;
  i64 length_ = 0, axis_ = 0;
  std::string shown_first_;
  std::vector<ValueId> firsts_; // sequences, then the first carries
  std::vector<ValueId> elements_, carried_;
  ValueId round_ = no_value;
  bool is_list_ = false;
  Region body_;
};

Any Elaborator::eval_scan(ScanExpr const& s, Location at) { return ScanBuilder(*this, s, at).run(); }

void Elaborator::run_emit(EmitStmt const& s, Location at) {
  auto* scan = frame_->scan;
  if (!scan) fail(at, "`emit` stands in a `scan` only");
  if (scan->emitted) fail(at, "a round emits once", "`emit a, b` emits both", {{scan->emit_at, "the first time here"}});
  scan->emitted = Any{Poison{}}; // until it is known
  scan->emit_at = at;
  scan->emitted = eval_values(s.values);
}

// In a scan only what is carried may be bound anew: other names from outside are the same in every round.
void Elaborator::refuse_rebinding(std::string const& name, Location at) {
  auto const* scan = frame_->scan;
  if (!scan || scan->own.contains(name)) return;
  auto const found = scan->names->find(name);
  if (found == scan->names->end() || found->second.is<Poison>()) return;
  fail(at, fmt::format("`{}` is from outside of the scan: binding it anew ends with the round", name),
       fmt::format("`carry {}` hands it from round to round", name),
       {{found->second.at, fmt::format("`{}` is bound here", name)}});
}

// The number of this round among all of the scans around it, i64; no_value outside of scans.
ValueId Elaborator::round_number(Location at) {
  ValueId number = no_value;
  std::vector<ScanRound*> rounds;
  for (auto* r = graph_->round; r; r = r->around) rounds.push_back(r);
  for (size_t i = rounds.size(); i-- > 0;) {
    auto& r = *rounds[i];
    Builder& make = builder(at);
    if (r.element == no_value) r.element = make.value(scalar_of(DType::i64));
    if (number != no_value) number = make.make(OpCode::mul, {number, make.integer(DType::i64, r.length)});
    number = number == no_value ? r.element : make.make(OpCode::add, {number, r.element});
  }
  return number;
}

namespace {

// What a side gives, as tensors.
std::vector<ValueId> given(Elaborator& e, Any const& value, Location at) {
  std::vector<ValueId> out;
  if (value.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  if (value.is<None>()) e.fail(at, "a side of `cond` gives a value, this one none");
  for (auto const& v : value.list() ? *value.list() : List{value}) out.push_back(e.as_tensor(v, at));
  return out;
}

} // namespace

Any run_cond(BuiltinCall& c) {
  for (size_t i : {1, 2})
    if (!c[i].is<FunctionValue>())
      c.e.fail(c.places[i], fmt::format("a side of `cond` is a function without arguments, got {}", shown(c[i])),
               "`cond(c, fn() { a }, fn() { b })`");
  if (auto const* known = c[0].get<bool>()) return c.e.call(c[*known ? 1 : 2], {}, c.at);
  if (!c[0].tensor() || c.e.type_of(c[0]) != scalar_of(DType::bool_))
    c.e.fail(c.places[0], fmt::format("the condition of `cond` is a bool[], got {}", shown(c[0])),
             "a choice by element is `select(c, a, b)`");
  ValueId const condition = c.e.value_here(c[0], c.places[0]);
  std::vector<Region> sides(2);
  bool is_list = false;
  for (size_t i : {0, 1}) {
    RegionGuard guard(c.e, "cond");
    Any const value = c.e.call(c[i + 1], {}, c.places[i + 1]);
    is_list = value.list() != nullptr;
    sides[i].results = given(c.e, value, c.places[i + 1]);
    sides[i].nodes = guard.take();
  }
  auto const types = [&](Region const& r) {
    std::string text;
    for (auto v : r.results) text += (text.empty() ? "" : ", ") + shown(c.e.graph().type(v));
    return text;
  };
  if (types(sides[0]) != types(sides[1]))
    c.e.fail(c.at, fmt::format("the sides of `cond` differ: {} and {}", types(sides[0]), types(sides[1])));
  List out;
  for (auto v : c.e.builder(c.at).cond(condition, std::move(sides))) out.push_back(c.e.tensor(v));
  return is_list ? list_of(std::move(out)) : out.front();
}

} // namespace nnc::front
