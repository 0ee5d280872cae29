// Walking over the examples of a data set batch by batch, and adding up what the compiled code reports on the way.
#pragma once

#include "runtime/data/dataset.h"
#include "runtime/session.h"

namespace nnc {

// Rows `first` .. `first + examples - 1` of a split, under the columns that bind to the inputs of the program.
struct Section {
  std::vector<NamedTensor const*> columns; // one per input; null where it is not needed
  i64 first = 0, examples = 0;
  i64 column_length = 0;
  std::vector<std::string> class_names = {};
  std::shared_ptr<Split const> windows = nullptr; // that the columns are, where an example is several rows
};

// The examples of a part of a data set as this program uses them. Throws Error when the part has none, a column does
// not fit, (with `targets`) an index in it is out of range, or the data are a stream.
Section section_of(CompiledProgram const&, DataContents const&, Part, bool targets);

// Rows at the end of the training split that are held back for validation. What the train block says may be meant for
// the whole of a set and be too much for an excerpt of it: then it is a fifth.
i64 held_back(CompiledProgram const&, Dataset const&);

// The addresses of columns; null for null.
std::vector<void const*> pointers_of(std::vector<NamedTensor const*> const& columns);

// The rows 0 .. count - 1 in the order of a stream: the data are cut into `batch` runs of rows that follow each other,
// and every batch has the next row of each. What is left of the last run is not used.
std::vector<i32> rows_of_stream(i64 count, i64 batch);

// Throws Error for an index out of range in the rows `first` .. `first + examples - 1` of the columns, which bind to
// the inputs of the program; its words begin with `where`.
void check_limits(CompiledProgram const&, std::vector<NamedTensor const*> const& columns, i64 first, i64 examples,
                  std::string const& where = {});

f64 number_in_hex(std::string_view); // "-0x1.8p+1", as fmt writes it with {:a}; 0 for what is none

// How many steps fit into a slice of time, by the speed of the slices so far.
class Pace {
public:
  i64 steps() const { return steps_; }
  void took(i64 steps, f64 seconds);

private:
  i64 steps_ = 1;
};

// Reports over slices, by their names: what several phases report is one.
class Tally {
public:
  void add(Function const&, Outcome const&);
  void follow(Function const&, Work&, Outcome const&); // of a call of this work, which goes on from its sums
  void clear() { *this = {}; }
  // For a checkpoint in the middle of an epoch, and back; a text that is none changes nothing.
  std::string text() const;
  void read(std::string const&);
  bool empty() const { return steps_ == 0; }
  i64 examples() const { return examples_; }
  Reports reports() const;
  std::vector<Number> values() const; // means over the examples; of totals the last ones
  std::vector<Table> const& tables() const { return tables_; } // the last ones

private:
  struct Entry {
    std::string name;
    f64 sum = 0, last = 0;
    i64 examples = 0;
    bool is_total = false;
    f64 value() const { return is_total ? last : examples > 0 ? sum / static_cast<f64>(examples) : 0; }
  };
  Entry& entry(size_t guess, Result const&);
  void take_tables(Function const&, Outcome const&);
  std::vector<Entry> entries_;
  std::vector<Table> tables_;
  i64 steps_ = 0, examples_ = 0, bad_step_ = 0, clamped_ = 0, zero_divided_ = 0;
};

// Rows without names are called by the classes of the data, where there are as many.
void name_rows(std::vector<Table>&, std::vector<std::string> const& class_names);

// The code for that, made now; what is wrong for one of the sizes of batch throws.
void prepare_evaluation_of(SessionState&, Section const&);

// Losses and metrics over a section, by @evaluate, and over all batches of a stream. Throw Error when the session is
// cancelled.
Reports evaluate_section(SessionState&, Section const&);
Reports evaluate_stream(SessionState&, DataContents const&);

} // namespace nnc
