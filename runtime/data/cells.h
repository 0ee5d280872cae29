// Columns of texts whose type nobody says: a first pass looks at every cell, one more collects the names of categories
// where there are any, then the type is settled, and a last pass writes the numbers. So a table never has to be in memory.
#pragma once

#include "runtime/data/decoded.h"
#include "runtime/data/encoding.h"
#include "runtime/data/spec.h"

#include <set>

namespace nnc {

// What the options say of all cells of a file.
struct CellRules {
  std::set<std::string, std::less<>> missing;    // texts of missing values, in small letters
  std::set<std::string, std::less<>> categories; // columns whose numbers are names
  char decimal = '.';
};
CellRules cell_rules(ReadOptions&, char decimal);

class CellColumn {
public:
  // `known`: how the training encoded it; null: it is encoded anew.
  CellColumn(std::string name, CellRules const& rules, Encoding const* known);

  std::string const& name() const { return name_; }
  // The first pass. `is_text`: never a number, whatever it looks like.
  void look(std::string_view cell, bool is_text, i64 line);
  // Behind it: must the cells be shown once more, to collect() their names?
  bool has_names() const { return !all_numbers_ && !is_named(); }
  void collect(std::string_view cell);
  void settle(std::string const& file); // throws Error
  bool is_numeric() const { return settled_ == Kind::integers || settled_ == Kind::reals; }
  // Too many different texts to be categories.
  bool is_prose() const { return settled_ == Kind::prose; }
  DType dtype() const { return dtype_; }
  // Behind settle(). A missing number is a NaN.
  f64 number(std::string_view cell) const;
  i32 category(std::string_view cell, std::string const& file, i64 line) const; // throws Error for an unknown one
  i64 integer(std::string_view cell) const;
  Encoding encoding() const; // with the names of categories
  i64 missing_count() const { return missing_; }
  i64 first_missing() const { return first_missing_; } // its line

private:
  enum class Kind : u8 { integers, reals, categories, prose };
  bool is_named() const { return known_ && known_->kind == Encoding::Kind::categories; }
  bool is_missing(std::string_view cell) const;
  std::optional<f64> parse(std::string_view cell) const;

  std::string name_;
  CellRules const& rules_;
  Encoding const* known_;
  Numbering names_;
  bool all_numbers_ = true, all_integers_ = true;
  f64 least_ = 0, largest_ = 0;
  i64 values_ = 0, missing_ = 0, first_missing_ = 0, first_text_ = 0;
  std::string text_example_;
  bool too_many_ = false;
  Kind settled_ = Kind::reals;
  DType dtype_ = DType::f32;
};

} // namespace nnc
