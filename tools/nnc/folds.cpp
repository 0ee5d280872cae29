#include "tools/nnc/folds.h"

#include "tools/nnc/output.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/core.h>

namespace command {
namespace {

constexpr std::string_view all_folds = "fold=*/";

struct Sums {
  std::string name;
  std::vector<double> values;
};

std::string mean_text(Sums const& sums) {
  double mean = 0, squares = 0;
  for (auto const value : sums.values) mean += value / static_cast<double>(sums.values.size());
  for (auto const value : sums.values) squares += (value - mean) * (value - mean);
  double const deviation = std::sqrt(squares / static_cast<double>(sums.values.size() - 1));
  return fmt::format("mean {} {} std {}\n", sums.name, number_text(mean), number_text(deviation));
}

} // namespace

std::optional<std::int64_t> folds_of(Line const& line) {
  auto const at = line.split.find(all_folds);
  if (at == std::string::npos || (at > 0 && line.split[at - 1] != ',')) return std::nullopt;
  auto const* const begin = line.split.data() + at + all_folds.size();
  auto const* const end = begin + std::min(line.split.find(',', at), line.split.size()) - at - all_folds.size();
  std::int64_t folds = 0;
  auto const [last, error] = std::from_chars(begin, end, folds);
  if (error != std::errc{} || last != end || folds < 2 || folds > 1'000'000)
    throw Mistake{fmt::format("--split: expected fold=*/N with N at least 2, got '{}'", line.split)};
  auto const refuse = [](bool given, char const* name) {
    if (given)
      throw Mistake{fmt::format("{} is about one training, and --split fold=*/N makes one for each fold", name), "",
                    "--split fold=1/N is one of them"};
  };
  if (!line.train) throw Mistake{"--split fold=*/N needs --train"};
  refuse(!line.save.empty(), "--save");
  refuse(!line.save_best.empty(), "--save-best");
  refuse(line.resume, "--resume");
  refuse(line.eval.has_value(), "--eval");
  refuse(line.run.has_value(), "--run");
  refuse(line.digest, "--digest");
  refuse(!line.log.empty(), "--log");
  refuse(!line.emit.empty(), "--emit");
  refuse(!line.dump.empty(), "--dump");
  refuse(!line.output.empty(), "-o");
  refuse(!line.plot.empty(), "--plot");
  refuse(!line.tensorboard.empty(), "--tensorboard");
  refuse(!line.report.empty(), "--report");
  return folds;
}

Status run_folds(Line const& line, std::int64_t folds, Screen& screen) {
  std::vector<Sums> all;
  auto const star = line.split.find(all_folds) + all_folds.size() - 2;
  for (std::int64_t fold = 1; fold <= folds; ++fold) {
    auto one = line;
    one.split.replace(star, 1, std::to_string(fold));
    screen.say(fmt::format("fold {} of {}", fold, folds));
    nnc::Reports tested;
    auto const status = run_jobs(one, screen, &tested);
    if (status != done) return status;
    for (auto const& number : tested.values) {
      auto sums = std::find_if(all.begin(), all.end(), [&](Sums const& s) { return s.name == number.name; });
      if (sums == all.end()) sums = all.insert(all.end(), {number.name, {}});
      sums->values.push_back(number.value);
    }
  }
  std::string text;
  for (auto const& sums : all) text += mean_text(sums);
  write_output("", text);
  return done;
}

} // namespace command
