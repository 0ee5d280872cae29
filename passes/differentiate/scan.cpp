// From the last round to the first, with the derivatives by the carries as carries:
//
//     %h, %hs = scan %x, %h0, %w {carries=1, length=9} : ... (%xt, %hp) {
//       %a = dot %hp, %w;  %b = add %a, %xt;  %hn = tanh %b
//       -> %hn, %hn
//     }
//  with the derivatives %dh, %dhs of its results gets
//     %h, %hs, %hps = scan ... { ...  -> %hn, %hn, %hp }
//     %dh0, %dx = scan %hs, %dhs, %dh, %w {carries=1, length=9, reverse=true} : ... (%hn, %dhn, %dc) {
//       ... what the derivative of one round takes ...
//       -> %dhp, %db
//     }
//     %dw = dot (rows of %hps), (rows of %dx) {contract_lhs=[0], contract_rhs=[0]}
//
// Of the values of a round those are stacked that are dear: products, sums, exp and its like, draws. The others are
// computed again from these, from the elements and from the carries. The derivative by a value from outside is a carry
// that grows from round to round, but for operands of products and what is broadcast: there the sum over the rounds
// is one product, or one sum, over what the rounds have stacked. With `recompute` nothing but the carries is stacked: all
// else is computed again, and every derivative by a value from outside grows from round to round.
#include "passes/differentiate/scan.h"

#include "ir/grad.h"
#include "ir/scan.h"
#include "ir/walk.h"

#include <algorithm>
#include <unordered_map>

namespace nnc::reverse {
namespace {

using Axes = std::vector<i64>;

// The nodes by which a contribution follows from the slope: a dot or a sum that reads it, and what follows from that
// alone. Empty where it is otherwise.
std::vector<Node> chain_from(std::vector<Node> const& made, ValueId slope, ValueId contribution) {
  std::vector<Node> chain;
  for (ValueId v = contribution;;) {
    auto const n = std::find_if(made.begin(), made.end(), [&](Node const& x) { return x.result() == v; });
    if (n == made.end()) return {};
    chain.insert(chain.begin(), *n);
    if (std::find(n->operands.begin(), n->operands.end(), slope) != n->operands.end()) break;
    if (n->operands.size() != 1) return {};
    v = n->operands[0];
  }
  // A convolution has no axis for the rounds: what it sums is a carry that grows.
  bool const sums = chain.front().op == OpCode::dot || chain.front().op == OpCode::reduce_sum;
  return sums ? chain : std::vector<Node>{};
}

std::vector<Node> chain_of(Function& f, Node const& n, size_t operand, ValueId slope) {
  std::vector<Node> made;
  Builder make(f, made);
  Grad g(make, n, {slope});
  info(n.op).gradient(g);
  return g.contributions[operand] == no_value ? std::vector<Node>{} : chain_from(made, slope, g.contributions[operand]);
}

Axes behind_rounds(Axes axes, bool summed) { // the axis of the rounds comes first
  for (auto& a : axes) ++a;
  if (summed) axes.insert(axes.begin(), 0);
  return axes;
}

Attributes over_rounds(Node const& n) {
  Attributes out = n.attributes;
  for (std::string_view name : {"axes", "contract_lhs", "contract_rhs"})
    if (out.has(name)) out.set(name, behind_rounds(out.get<Axes>(name), true));
  for (std::string_view name : {"batch_lhs", "batch_rhs"})
    if (out.has(name)) out.set(name, behind_rounds(out.get<Axes>(name), false));
  return out;
}

// Is the first axis of what a dot or a sum reads summed in all that it reads? The rounds and this axis are then summed
// as one: all rows of all rounds.
bool sums_rows(Node const& n) {
  if (n.operands.size() == 1) {
    auto const axes = n.attributes.get<Axes>("axes");
    return std::find(axes.begin(), axes.end(), 0) != axes.end();
  }
  auto const lhs = n.attributes.get<Axes>("contract_lhs"), rhs = n.attributes.get<Axes>("contract_rhs");
  for (size_t i = 0; i < lhs.size(); ++i)
    if (lhs[i] == 0 && rhs[i] == 0) return true;
  return false;
}

bool is_dear(Node const& n) {
  auto const& op = info(n.op);
  bool const again =
      (op.has(elementwise) && !op.has(costly)) || op.has(moves_data) || op.has(structural) || n.operands.empty();
  return !again;
}

class Backward {
public:
  Backward(Builder& make, Node& scan, ScanSlopes const& given, AppendSlopes const& append)
      : make_(make), f_(make.function()), scan_(scan), s_(scan), given_(given), append_(append) {}

  std::vector<ValueId> run() {
    copy_body();
    auto const by = wanted_values();
    auto const slopes = append_(body_.nodes, seeds(), by, asides_);
    for (size_t i = 0; i < by.size(); ++i) slope_[by[i]] = slopes[i];
    for (size_t i = 0; i < s_.carries; ++i)
      if (flows(i)) next_.push_back(typed(copy_[s_.carried(i)]));
    choose_results();
    take_what_is_needed();
    return finish();
  }

private:
  bool flows(size_t carry) const { return is_float(f_.type(s_.carried(carry)).dtype); }
  bool wanted(size_t operand) const {
    return given_.wanted[operand] && is_float(f_.type(scan_.operands[operand]).dtype);
  }

  void copy_body() {
    body_ = copied(f_, s_.body());
    copied_nodes_ = body_.nodes.size();
    std::vector<ValueId> old;
    each_definition_in(s_.body(), [&](ValueId v) { old.push_back(v); });
    size_t i = 0;
    each_definition_in(body_, [&](ValueId v) {
      copy_[old[i]] = v;
      original_[v] = old[i++];
      asides_.of_round.insert(v);
    });
  }

  std::vector<Seed> seeds() {
    std::vector<Seed> out;
    for (size_t i = 0; i < s_.carries; ++i)
      if (flows(i)) {
        carry_slopes_.push_back(make_.value(f_.type(s_.carried(i))));
        out.push_back({body_.results[i], carry_slopes_.back()});
      }
    for (size_t i = 0; i < s_.stacks(); ++i)
      if (ValueId const slope = given_.results[s_.carries + i]; slope != no_value) {
        ValueId const element = make_.value(element_of(f_.type(slope)));
        sequence(element, slope);
        out.push_back({body_.results[s_.carries + i], element});
      }
    return out;
  }
  void sequence(ValueId element, ValueId of) {
    elements_.push_back(element);
    sequences_.push_back(of);
  }

  std::vector<ValueId> wanted_values() {
    std::vector<ValueId> by;
    for (size_t i = 0; i < s_.sequences; ++i)
      if (wanted(i)) by.push_back(copy_[s_.element(i)]);
    for (size_t i = 0; i < s_.carries; ++i)
      if (flows(i)) by.push_back(copy_[s_.carried(i)]);
    for (size_t i = own_operands(scan_); i < scan_.operands.size(); ++i)
      if (wanted(i)) {
        by.push_back(scan_.operands[i]);
        if (!s_.recompute) asides_.values.insert(scan_.operands[i]);
      }
    return by;
  }

  // Of the type of v, zeros where nothing flows.
  ValueId typed(ValueId v) {
    Builder in(f_, body_.nodes);
    in.at = make_.at;
    ValueId const s = slope_[v];
    return in.broadcast_scalar(s == no_value ? in.like(v, 0) : s, f_.type(v).shape);
  }

  void choose_results() {
    for (size_t i = 0; i < s_.sequences; ++i)
      if (wanted(i) && slope_[copy_[s_.element(i)]] != no_value) stacked_for_[i] = stack(typed(copy_[s_.element(i)]));
    Builder in(f_, body_.nodes);
    in.at = make_.at;
    for (size_t i = own_operands(scan_); i < scan_.operands.size(); ++i) {
      ValueId const v = scan_.operands[i];
      if (!wanted(i) || slope_[v] == no_value) continue;
      ValueId const so_far = make_.value(f_.type(v));
      sums_.push_back(i);
      sum_arguments_.push_back(so_far);
      sum_results_.push_back(in.make(OpCode::add, {so_far, typed(v)}));
    }
    for (auto const& a : asides_.list) {
      aside_slopes_.push_back(stack(a.slope));
      for (size_t k = 0; k < a.node.operands.size(); ++k)
        if (k != a.operand) aside_others_.push_back(source_of_other(a.node.operands[k]));
      if (a.node.operands.size() == 1) aside_others_.push_back(no_value);
    }
  }
  // The number of what is stacked.
  size_t stack(ValueId v) {
    auto const at = std::find(stacks_.begin(), stacks_.end(), v);
    if (at != stacks_.end()) return static_cast<size_t>(at - stacks_.begin());
    stacks_.push_back(v);
    return stacks_.size() - 1;
  }
  // Of a value of a round, the sequence of it: one that is read, or what the scan stacks.
  ValueId source_of_other(ValueId v) {
    ValueId const old = original_.at(v);
    for (size_t i = 0; i < s_.sequences; ++i)
      if (s_.element(i) == old) return s_.sequence(i);
    return saved(old);
  }
  ValueId saved(ValueId old) {
    auto& results = scan_.regions.front().results;
    for (size_t i = s_.carries; i < results.size(); ++i)
      if (results[i] == old) return scan_.results[i];
    results.push_back(old);
    scan_.results.push_back(make_.value(stacked(f_.type(old), s_.length)));
    return scan_.results.back();
  }

  // Backwards over the body: what is needed is kept, computed again, or read from what the scan has stacked.
  void take_what_is_needed() {
    std::unordered_set<ValueId> needed;
    for (auto const* list : {&next_, &sum_results_, &stacks_}) needed.insert(list->begin(), list->end());
    std::vector<bool> alive(body_.nodes.size());
    for (size_t i = body_.nodes.size(); i-- > 0;) {
      auto const& n = body_.nodes[i];
      alive[i] = std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return needed.contains(v); });
      if (!alive[i]) continue;
      alive[i] = i >= copied_nodes_ || s_.recompute || !is_dear(n);
      if (alive[i]) each_read(n, [&](ValueId v) { needed.insert(v); });
      else read_saved(n.results, needed);
    }
    for (size_t i = 0; i < s_.sequences; ++i)
      if (needed.contains(copy_[s_.element(i)])) sequence(copy_[s_.element(i)], s_.sequence(i));
    for (size_t i = 0; i < s_.carries; ++i)
      if (ValueId const v = copy_[s_.carried(i)]; needed.contains(v)) sequence(v, saved(s_.carried(i)));
    size_t i = 0;
    std::erase_if(body_.nodes, [&](Node const&) { return !alive[i++]; });
  }
  void read_saved(std::vector<ValueId> const& values, std::unordered_set<ValueId> const& needed) {
    for (auto v : values)
      if (needed.contains(v)) sequence(v, saved(original_.at(v)));
  }

  std::vector<ValueId> finish() {
    auto own = sequences_;
    body_.arguments = elements_;
    body_.arguments.insert(body_.arguments.end(), carry_slopes_.begin(), carry_slopes_.end());
    body_.arguments.insert(body_.arguments.end(), sum_arguments_.begin(), sum_arguments_.end());
    for (size_t i = 0; i < s_.carries; ++i)
      if (flows(i)) own.push_back(or_zeros(given_.results[i], s_.carried(i)));
    for (size_t operand : sums_) own.push_back(or_zeros(no_value, scan_.operands[operand]));
    body_.results = next_;
    for (auto const* list : {&sum_results_, &stacks_})
      body_.results.insert(body_.results.end(), list->begin(), list->end());
    size_t const carries = next_.size() + sums_.size();
    auto const results = make_.scan(std::move(own), carries, {s_.length, !s_.reverse, s_.recompute},
                                     std::move(body_));
    return slopes_from(results, carries);
  }
  ValueId or_zeros(ValueId slope, ValueId like) {
    return slope != no_value ? slope : make_.broadcast_scalar(make_.like(like, 0), f_.type(like).shape);
  }

  std::vector<ValueId> slopes_from(std::vector<ValueId> const& results, size_t carries) {
    std::vector<ValueId> out(scan_.operands.size(), no_value);
    size_t number = 0;
    for (size_t i = 0; i < s_.carries; ++i)
      if (flows(i)) out[s_.sequences + i] = results[number++];
    for (size_t operand : sums_) join(out[operand], results[number++]);
    for (auto const& [operand, stack] : stacked_for_) out[operand] = results[carries + stack];
    for (size_t i = 0; i < asides_.list.size(); ++i) {
      auto const& a = asides_.list[i];
      auto const at = std::find(scan_.operands.begin() + static_cast<std::ptrdiff_t>(own_operands(scan_)),
                                scan_.operands.end(), a.node.operands[a.operand]);
      join(out[static_cast<size_t>(at - scan_.operands.begin())],
           over_all_rounds(a, results[carries + aside_slopes_[i]], aside_others_[i]));
    }
    return out;
  }
  void join(ValueId& sum, ValueId more) { sum = sum == no_value ? more : make_.make(OpCode::add, {sum, more}); }
  ValueId over_all_rounds(Aside const& a, ValueId slopes, ValueId others) {
    ValueId last = no_value;
    for (auto const& n : chain_of(f_, a.node, a.operand, a.slope)) {
      bool const first = last == no_value, rows = first && sums_rows(n);
      std::vector<ValueId> operands{last};
      if (first) operands = n.operands;
      for (auto& v : operands)
        if (first) v = v == a.slope ? slopes : others;
      for (auto& v : operands)
        if (rows) v = rows_of_rounds(v);
      last = make_.make(n.op, operands, first && !rows ? over_rounds(n) : n.attributes, f_.type(n.result()));
    }
    return last;
  }

  ValueId rows_of_rounds(ValueId v) {
    Shape shape = f_.type(v).shape;
    shape[1] = shape[0] * shape[1];
    shape.erase(shape.begin());
    return make_.reshape(v, std::move(shape));
  }

  Builder& make_;
  Function& f_;
  Node& scan_;
  Scan const s_; // as it was: counts
  ScanSlopes const& given_;
  AppendSlopes const& append_;
  Region body_;
  size_t copied_nodes_ = 0;
  std::unordered_map<ValueId, ValueId> copy_, original_;
  std::vector<ValueId> elements_, sequences_;        // of the scan that is made
  std::vector<ValueId> carry_slopes_, next_;         // its first carries: derivatives by those of the scan
  std::vector<size_t> sums_;                         // operands whose derivative is summed round by round
  std::vector<ValueId> sum_arguments_, sum_results_; // its other carries
  std::vector<ValueId> stacks_;                      // what it stacks
  std::unordered_map<size_t, size_t> stacked_for_;   // operand -> the stack that is its derivative
  std::unordered_map<ValueId, ValueId> slope_;
  Asides asides_;
  std::vector<size_t> aside_slopes_;  // per aside, a stack
  std::vector<ValueId> aside_others_; // per aside, a sequence
};

} // namespace

bool sums_over_rounds(Function& f, Node const& n, size_t operand, ValueId slope) {
  return (info(n.op).has(contracts) || info(n.op).has(moves_data)) && !chain_of(f, n, operand, slope).empty();
}

std::vector<ValueId> slopes_of_scan(Builder& make, Node& scan, ScanSlopes const& given, AppendSlopes const& append) {
  return Backward(make, scan, given, append).run();
}

} // namespace nnc::reverse
