// A kernel of kind "contract": from its one dot to the fast nest of loops. Whatever the nest does not take (extents of
// 0, odd dtypes, results of other shapes) is pulled like everything else.
//
//     prologue nodes of lhs, rhs   ->  pulled while packing, unless the operand lies in memory as it is
//     dot                          ->  the nest
//     epilogue nodes               ->  pulled with the dot's value provided from the accumulators
#include "codegen/lower/contract_nest.h"
#include "codegen/lower/lower.h"

#include "ir/op.h"

#include <algorithm>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

// The axes of one operand by what the contraction does with them, each list in the order in which it is walked.
struct Operand {
  ValueId value = no_value;
  Axes batch, contract, free;
  bool is_lhs = false;
};

struct Contraction {
  Node const* dot = nullptr;
  Operand lhs, rhs;
};

Operand operand_of(Function const& f, ValueId value, Axes batch, Axes contract) {
  Operand o{value, std::move(batch), std::move(contract), {}, false};
  auto among = [](Axes const& axes, i64 a) { return std::find(axes.begin(), axes.end(), a) != axes.end(); };
  for (i64 a = 0; a < f.type(value).rank(); ++a)
    if (!among(o.batch, a) && !among(o.contract, a)) o.free.push_back(a);
  return o;
}

Contraction contraction_of(KernelContext const& k) {
  Contraction c;
  for (auto const& n : k.nodes())
    if (n.op == OpCode::dot) c.dot = &n;
  if (!c.dot) throw CompilerBug("a contraction without a dot");
  auto axes = [&](char const* name) { return c.dot->attributes.get_or<Axes>(name, {}); };
  c.lhs = operand_of(k.function(), c.dot->operands[0], axes("batch_lhs"), axes("contract_lhs"));
  c.lhs.is_lhs = true;
  c.rhs = operand_of(k.function(), c.dot->operands[1], axes("batch_rhs"), axes("contract_rhs"));
  return c;
}

Shape extents_of(Shape const& shape, Axes const& axes) {
  Shape extents;
  for (i64 a : axes) extents.push_back(shape[static_cast<size_t>(a)]);
  return extents;
}

// A value that lies in memory, perhaps seen through reshapes and transposes: what is stored, and the stride of each
// axis.
struct View {
  ValueId stored;
  Axes strides;
  bool row_major = true;
};

class ContractLowering {
public:
  ContractLowering(Puller& p, KernelContext const& k) : p_(p), b_(p.builder()), k_(k), c_(contraction_of(k)) {}

  bool run() {
    if (!fits()) return false;
    fill();
    if (!can_contract(spec_)) return false;
    buffers_ = result_buffers(p_, k_);
    p_.provide(c_.dot->result(), [this](Index const&) { return sums_; });
    if (k_.facts.parallel) {
      spec_.thread = b_.cell(Frame::thread, DType::i64);
      spec_.threads = b_.cell(Frame::threads, DType::i64);
      nest();
    } else { // all of it is thread 0's
      auto share = share_of(b_, b_.integer(1), k_);
      p_.open(share.begin, share.end);
      nest();
      p_.close();
    }
    p_.set_padded_rows(false);
    return true;
  }

private:
  Shape const& shape(ValueId v) const { return k_.function().type(v).shape; }
  Dim count(Operand const& o, Axes const& axes) const { return element_count(extents_of(shape(o.value), axes)); }

  // What is known before anything is made.
  bool fits() const {
    DType d = k_.function().type(c_.dot->result()).dtype;
    if (d != DType::f32 && d != DType::i32) return false;
    for (auto const* o : {&c_.lhs, &c_.rhs}) {
      if (k_.function().type(o->value).dtype != d) return false;
      for (auto const& e : shape(o->value))
        if (e == Dim(0)) return false;
    }
    for (auto const& place : k_.places())
      if (place.kind == Place::Kind::local) return false;
    for (auto r : k_.kernel.results)
      if (shape(r) != shape(c_.dot->result())) return false;
    return !c_.rhs.free.empty() && count(c_.rhs, c_.rhs.free).is_constant();
  }

  Extent exact(Dim const& d) { return {extent(b_, d), d.constant(), false}; }

  // Rows of a symbolic batch are padded, to a multiple of 16, where everything that has such rows is in slots.
  Extent rows_of(Dim const& d) {
    if (!d.divided_by(Symbol::batch)) return exact(d);
    bool slots = true;
    for (auto const& place : k_.places()) slots = slots && place.kind == Place::Kind::slot;
    if (auto v = view(c_.lhs.value)) slots = slots && in_slot(v->stored);
    if (!slots) return exact(d);
    exact_rows_ = extent(b_, d);
    return {extent_in_slots(b_, d), std::nullopt, true};
  }

  void fill() {
    Node const& dot = *c_.dot;
    spec_.dtype = k_.function().type(dot.result()).dtype;
    auto sum = linear_sum(order_of(dot), extents_of(shape(c_.lhs.value), c_.lhs.contract));
    spec_.kind = sum.order.kind;
    spec_.block = sum.order.block;
    if (sum.order.axis) spec_.period = exact(sum.period);
    spec_.batches = exact(count(c_.lhs, c_.lhs.batch));
    spec_.rows = rows_of(count(c_.lhs, c_.lhs.free));
    spec_.depth = exact(count(c_.lhs, c_.lhs.contract));
    spec_.columns = *count(c_.rhs, c_.rhs.free).constant();
    spec_.lhs = contract_operand(c_.lhs, c_.lhs.free, c_.lhs.contract);
    spec_.rhs = contract_operand(c_.rhs, c_.rhs.contract, c_.rhs.free);
    if (auto& plain = spec_.rhs.plain; plain && plain->inner_stride != 1 && plain->outer_stride != 1) plain.reset();
    spec_.lanes = natural_lanes(k_.target);
    spec_.registers = k_.target.registers;
    spec_.tile_rows = k_.facts.tile_rows;
    spec_.pack_rhs = k_.facts.pack_rhs;
    if (k_.facts.pack_lhs) spec_.lhs.plain.reset();
    spec_.tile_vectors = k_.facts.tile_vectors;
    spec_.epilogue = [this](Ref batch, Ref row, Ref column, Ref sums) { epilogue(batch, row, column, sums); };
    if (needs_no_axes()) spec_.flat_epilogue = [this](Ref element, Ref sums) { flat_epilogue(element, sums); };
    if (asks_ahead())
      spec_.prefetch = [this](Ref batch, Ref row, Ref column, i64 rows, i64 columns) {
        prefetch(batch, row, column, rows, columns);
      };
  }

  void nest() { ContractNest(p_, spec_, choose(spec_)).emit(); }

  // The place and strides of a value that needs no computing.
  std::optional<View> view(ValueId v) const {
    auto const* n = p_.node_of(v);
    if (!n) {
      if (k_.function().values[v].constant || !in_memory(v)) return {};
      return View{v, strides(v), true};
    }
    if (n->op != OpCode::reshape && n->op != OpCode::transpose) return {};
    auto from = view(n->operands[0]);
    if (!from) return {};
    if (n->op == OpCode::reshape) {
      if (!from->row_major) return {};
      from->strides = strides(v);
      return from;
    }
    Axes permuted;
    for (i64 a : n->attributes.get<Axes>("permutation")) permuted.push_back(from->strides[static_cast<size_t>(a)]);
    return View{from->stored, permuted, false};
  }

  // Not so the numbers that a frame holds.
  bool in_memory(ValueId v) const {
    auto const role = k_.storage.role(v);
    auto const& place = k_.storage.places[v];
    return place && place->kind != Place::Kind::local && role != Role::scalar && role != Role::step &&
           role != Role::seed;
  }
  bool in_slot(ValueId v) const { return k_.storage.places[v]->kind == Place::Kind::slot; }

  Axes strides(ValueId v) const {
    Axes s;
    for (size_t i = 0; i < shape(v).size(); ++i) s.push_back(inner_size(shape(v), i + 1));
    return s;
  }

  // The stride of several axes walked as one, if there is one.
  static std::optional<i64> stride_of(Shape const& shape, Axes const& strides, Axes const& axes) {
    if (axes.empty()) return 0;
    for (size_t i = 0; i + 1 < axes.size(); ++i) {
      auto inner = static_cast<size_t>(axes[i + 1]);
      auto extent = shape[inner].constant();
      if (!extent || strides[static_cast<size_t>(axes[i])] != strides[inner] * *extent) return {};
    }
    return strides[static_cast<size_t>(axes.back())];
  }

  ContractOperand contract_operand(Operand const& o, Axes const& outer, Axes const& inner) {
    ContractOperand operand;
    if (auto v = view(o.value)) {
      auto s = [&](Axes const& axes) { return stride_of(shape(o.value), v->strides, axes); };
      if (auto batch = s(o.batch), first = s(outer), second = s(inner); batch && first && second)
        operand.plain = PlainOperand{p_.buffer_of(v->stored), [this, batch](Ref i) { return b_.multiply(i, *batch); },
                                     *first, *second};
    }
    i64 last = static_cast<i64>(shape(o.value).size()) - 1;
    operand.along_inner = outer.empty() || outer.back() != last;
    if (spec_.kind == Order::Kind::lanes) operand.along_inner = o.is_lhs; // along the sum
    operand.load = [this, o, outer, inner, along_inner = operand.along_inner](Ref batch, Ref i, Ref j) {
      std::vector<At> at(shape(o.value).size());
      place(at, o, o.batch, {batch});
      place(at, o, outer, {i, along_inner ? 0 : 1});
      place(at, o, inner, {j, along_inner ? 1 : 0});
      if (exact_rows_ != no_ref && o.is_lhs) p_.set_padded_rows(true, valid_row(i, along_inner));
      Ref v = p_.pull(o.value, index_of(at));
      p_.set_padded_rows(false);
      return v;
    };
    return operand;
  }

  // Splits an index over several axes into one per axis.
  void place(std::vector<At>& at, Operand const& o, Axes const& axes, At linear) {
    if (axes.empty()) return;
    auto split = p_.indexer().axes({{static_cast<int>(axes.size()), linear}}, extents_of(shape(o.value), axes));
    for (size_t i = 0; i < axes.size(); ++i) at[static_cast<size_t>(axes[i])] = split[i];
  }

  // Whether rows count, from `row` on: of each lane, if the lanes are rows.
  Ref valid_row(Ref row, bool same_for_all) {
    if (same_for_all) return b_.compute(OpCode::lt, {row, exact_rows_});
    Ref left = b_.convert(b_.subtract(exact_rows_, row), DType::i32);
    return b_.compute(OpCode::lt, {b_.lane_numbers(spec_.lanes), left});
  }

  void epilogue(Ref batch, Ref row, Ref column, Ref sums) {
    Index at;
    auto chunk = [&](Axes const& axes, At i) {
      if (!axes.empty()) at.push_back({static_cast<int>(axes.size()), i});
    };
    chunk(c_.lhs.batch, {batch});
    chunk(c_.lhs.free, {row});
    chunk(c_.rhs.free, {column, p_.lanes().lanes > 1 ? 1 : 0});
    if (exact_rows_ != no_ref) p_.set_padded_rows(true, valid_row(row, true));
    store_results(at, sums);
    p_.set_padded_rows(false);
  }

  void flat_epilogue(Ref element, Ref sums) {
    auto axes = static_cast<int>(shape(c_.dot->result()).size());
    store_results({{axes, {element, 1}}}, sums);
  }

  void store_results(Index const& at, Ref sums) {
    sums_ = sums;
    std::vector<Ref> values;
    for (auto r : k_.kernel.results) values.push_back(p_.pull(r, at));
    At where = p_.indexer().linear(at, shape(c_.dot->result()));
    for (size_t i = 0; i < values.size(); ++i) store_result(p_, k_, buffers_, i, where, values[i], p_.lanes().limit);
  }

  // Is everything behind the dot elementwise, on values of its shape and numbers? Then the result may be walked as one
  // axis.
  bool needs_no_axes() const {
    if (exact_rows_ != no_ref || !c_.lhs.batch.empty()) return false;
    return std::all_of(k_.kernel.results.begin(), k_.kernel.results.end(), [&](ValueId r) { return needs_no_axes(r); });
  }
  bool needs_no_axes(ValueId v) const {
    if (v == c_.dot->result() || shape(v).empty()) return true;
    if (shape(v) != shape(c_.dot->result())) return false;
    auto const* n = p_.node_of(v);
    if (!n) return true;
    if (!info(n->op).has(Trait::elementwise)) return false;
    return std::all_of(n->operands.begin(), n->operands.end(), [&](ValueId o) { return needs_no_axes(o); });
  }

  // What is updated in place, and so big that it comes from far: its lines are asked for while the tile is being
  // summed.
  bool asks_ahead() const {
    if (!spec_.rows.constant || !spec_.batches.constant) return false;
    i64 places = std::count_if(k_.places().begin(), k_.places().end(),
                               [](Place const& p) { return p.kind == Place::Kind::argument; });
    return places * 4 * *spec_.batches.constant * *spec_.rows.constant * spec_.columns > k_.target.l2 / 4;
  }

  void prefetch(Ref batch, Ref row, Ref column, i64 rows, i64 columns) {
    constexpr i64 line = 16; // elements
    Ref first = b_.add(b_.multiply(b_.add(b_.multiply(batch, spec_.rows.value), row), spec_.columns), column);
    auto loop = p_.open(b_.integer(0), b_.integer(rows));
    Ref start = b_.add(first, b_.multiply(loop.index, spec_.columns));
    for (size_t r = 0; r < buffers_.size(); ++r)
      for (i64 j = 0; j < std::min(columns, spec_.columns); j += line)
        if (k_.places()[r].kind == Place::Kind::argument) b_.prefetch(buffers_[r], b_.add(start, b_.integer(j)));
    p_.close();
  }

  Puller& p_;
  LoopBuilder& b_;
  KernelContext const& k_;
  Contraction c_;
  ContractSpec spec_;
  std::vector<int> buffers_;
  Ref sums_ = no_ref;
  Ref exact_rows_ = no_ref; // set: rows are padded, and so many count
};

} // namespace

void lower_contract(Puller& p, KernelContext const& k) {
  if (!ContractLowering(p, k).run()) lower_pointwise(p, k);
}

} // namespace nnc
