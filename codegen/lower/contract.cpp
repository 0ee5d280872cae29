// A kernel of kind "contract": from its one dot to the nest of loops.
//
//     prologue nodes of lhs, rhs   ->  pulled while packing, unless the operand is read where it lies
//     dot                          ->  the nest
//     epilogue nodes               ->  pulled with the dot's value provided from the accumulators
#include "codegen/lower/contract_nest.h"
#include "codegen/lower/lower.h"

#include "ir/op.h"
#include "ir/view.h"

#include <algorithm>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

class ContractLowering {
public:
  ContractLowering(Puller& p, KernelContext const& k)
      : p_(p), b_(p.builder()), k_(k), c_(contraction_of(k.function(), k.kernel, k.storage.numbers)) {}

  void run() {
    fill();
    buffers_ = result_buffers(p_, k_);
    p_.provide(c_.dot->result(), [this](Index const&) { return sums_; });
    if (k_.facts().is_parallel()) {
      spec_.thread = b_.cell(Frame::thread, DType::i64);
      spec_.threads = b_.cell(Frame::threads, DType::i64);
      ContractNest(p_, spec_).emit();
    } else { // all of it is thread 0's
      auto share = share_of(b_, b_.integer(1), k_);
      p_.open(share.begin, share.end);
      ContractNest(p_, spec_).emit();
      p_.close();
    }
    p_.set_padded_rows(false);
  }

private:
  Shape const& shape(ValueId v) const { return k_.function().type(v).shape; }

  Extent exact(Dim const& d) { return {extent(b_, d), d.constant(), false}; }

  // Rows of a symbolic batch are padded where everything that has such rows is in slots.
  Extent padded_rows(Dim const& d) {
    if (!d.divided_by(Symbol::batch) || !c_.lhs.batch.empty()) return exact(d); // behind the last rows come others
    bool slots = true;
    for (auto const& place : k_.places()) slots = slots && place.kind == Place::Kind::slot;
    if (auto v = view_of(k_.function(), k_.kernel, k_.storage.numbers, c_.lhs.value))
      slots = slots && k_.storage.places[v->stored]->kind == Place::Kind::slot;
    if (!slots) return exact(d);
    exact_rows_ = extent(b_, d);
    return {extent_in_slots(b_, d), std::nullopt, true};
  }

  void fill() {
    spec_.what = c_;
    spec_.schedule = k_.schedule().contract;
    if (c_.period) spec_.period = exact(*c_.period);
    spec_.batches = exact(c_.batches);
    spec_.rows = padded_rows(c_.rows);
    spec_.depth = exact(c_.depth);
    spec_.lhs = nest_operand(c_.lhs, true);
    spec_.rhs = nest_operand(c_.rhs, false);
    spec_.lanes = static_cast<int>(k_.target.lanes());
    if (spec_.schedule.pack_lhs != ContractSchedule::Pack::none) spec_.lhs.plain.reset();
    spec_.epilogue = [this](Ref batch, Ref row, Ref column, Ref sums) { epilogue(batch, row, column, sums); };
    if (needs_no_axes()) spec_.flat_epilogue = [this](Ref element, Ref sums) { flat_epilogue(element, sums); };
    if (spec_.schedule.prefetch)
      spec_.prefetch = [this](Ref batch, Ref row, Ref column, i64 rows, i64 columns) {
        prefetch(batch, row, column, rows, columns);
      };
  }

  NestOperand nest_operand(ContractOperand const& o, bool is_lhs) {
    NestOperand operand{.plain = {}, .load = {}, .along_inner = o.along_inner};
    if (auto const& p = o.plain)
      operand.plain =
          OperandInMemory{p_.buffer_of(p->stored), p->batch_stride, p->outer_stride, p->inner_stride, p->offset};
    operand.load = [this, &o, is_lhs](Ref batch, Ref i, Ref j) {
      std::vector<At> at(shape(o.value).size());
      place(at, o, o.batch, {batch});
      place(at, o, o.outer, {i, o.along_inner ? 0 : 1});
      place(at, o, o.inner, {j, o.along_inner ? 1 : 0});
      if (exact_rows_ != no_ref && is_lhs) p_.set_padded_rows(true, valid_row(i, o.along_inner));
      Ref v = p_.pull(o.value, index_of(at));
      p_.set_padded_rows(false);
      return v;
    };
    return operand;
  }

  // Splits an index over several axes into one per axis.
  void place(std::vector<At>& at, ContractOperand const& o, Axes const& axes, At linear) {
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
    chunk(c_.lhs.outer, {row});
    chunk(c_.rhs.inner, {column, p_.lanes().lanes > 1 ? 1 : 0});
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

  // Of what the epilogue of a tile will read and write over.
  void prefetch(Ref batch, Ref row, Ref column, i64 rows, i64 columns) {
    constexpr i64 line = 16; // elements
    i64 const width = *c_.columns.constant();
    Ref first = b_.add(b_.multiply(b_.add(b_.multiply(batch, spec_.rows.value), row), width), column);
    auto loop = p_.open(b_.integer(0), b_.integer(rows));
    Ref start = b_.add(first, b_.multiply(loop.index, width));
    for (size_t r = 0; r < buffers_.size(); ++r)
      for (i64 j = 0; j < std::min(columns, width); j += line)
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

void lower_contract(Puller& p, KernelContext const& k) { ContractLowering(p, k).run(); }

} // namespace nnc
