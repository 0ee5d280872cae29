#include "runtime/pursuits.h"

#include "runtime/walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

namespace nnc {
namespace {

template <class Read>
auto aim_or_refuse(char const* option, std::string const& text, char const* expected, Read const& read) {
  auto const aim = read(text);
  if (!aim) throw Error(Code::argument, fmt::format("TrainOptions::{} is '{}', expected {}", option, text, expected));
  return aim;
}

} // namespace

Pursuits::Pursuits(CompiledProgram const& program, TrainOptions const& options, bool has_validation) {
  take_aims(options, *program.module().training);
  for (auto const* pursuit : {&best_, &patience_})
    if (*pursuit) expect_measured(**pursuit, program, has_validation);
}

void Pursuits::take_aims(TrainOptions const& options, Training const& training) {
  auto aim = training.save_best;
  if (!options.best.empty())
    aim = aim_or_refuse("best", options.best, "'min loss', 'max accuracy' or the like", aim_of);
  if (!aim && !options.save_best.empty()) aim = Aim{"loss", false};
  if (aim) best_ = Pursuit{.aim = *aim};
  auto patience = training.patience;
  if (!options.patience.empty())
    patience = aim_or_refuse("patience", options.patience, "'3 of min loss' or the like", patience_of);
  if (patience) patience_ = Pursuit{.aim = patience->aim, .patience = patience->epochs};
}

void Pursuits::expect_measured(Pursuit const& pursuit, CompiledProgram const& program, bool has_validation) const {
  auto const* report = program.function("evaluate").result(pursuit.aim.report);
  if (!report || !is_report(report->role))
    throw Error(Code::argument, fmt::format("the program has no loss or metric '{}'", pursuit.aim.report));
  if (has_validation) return;
  throw Error(Diagnostic{
      .message = fmt::format("'{}' is measured over a validation split, and there is none", shown(pursuit.aim)),
      .help = "`validation = 5000` holds so many rows back, TrainOptions::validation takes a data set",
      .code = Code::argument});
}

// NaN is never better.
bool Pursuits::Pursuit::take(std::vector<Number> const& values, i64 in_epoch) {
  auto const found = std::ranges::find(values, aim.report, &Number::name);
  f64 const reached = found == values.end() ? std::nan("") : found->value;
  bool const better = epoch == 0 ? !std::isnan(reached) : aim.largest ? reached > value : reached < value;
  if (better) value = reached, epoch = in_epoch;
  return better;
}

bool Pursuits::judge(std::vector<Number> const& values, i64 epoch) {
  judged_epoch_ = epoch;
  if (patience_) patience_->take(values, epoch);
  return best_ && best_->take(values, epoch);
}

bool Pursuits::is_out_of_patience() const {
  return patience_ && patience_->epoch > 0 && judged_epoch_ - patience_->epoch >= patience_->patience;
}

std::string Pursuits::text() const {
  std::string text = std::to_string(judged_epoch_);
  for (auto const* pursuit : {&best_, &patience_})
    if (*pursuit) text += fmt::format(" {} {:a}", (*pursuit)->epoch, (*pursuit)->value);
  return text;
}

void Pursuits::read(std::string const& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.size() != 1 + 2 * static_cast<size_t>(best_.has_value() + patience_.has_value())) return;
  judged_epoch_ = std::strtoll(words[0].c_str(), nullptr, 10);
  size_t i = 1;
  for (auto* pursuit : {&best_, &patience_}) {
    if (!*pursuit) continue;
    (*pursuit)->epoch = std::strtoll(words[i].c_str(), nullptr, 10);
    (*pursuit)->value = number_in_hex(words[i + 1]);
    i += 2;
  }
}

void Pursuits::tell(Trained& trained) const {
  trained.out_of_patience = is_out_of_patience();
  auto const& told = best_ ? best_ : patience_;
  if (!told) return;
  trained.best_epoch = told->epoch;
  trained.best_value = told->value;
}

} // namespace nnc
