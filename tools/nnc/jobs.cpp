#include "tools/nnc/jobs.h"

#include "nnc/nnc.hpp"
#include "tools/nnc/chronicle.h"
#include "tools/nnc/data_info.h"
#include "tools/nnc/explain.h"
#include "tools/nnc/interrupt.h"
#include "tools/nnc/output.h"
#include "tools/nnc/paths.h"
#include "tools/nnc/results/writers.h"
#include "tools/nnc/stages.h"
#include "tools/nnc/summary.h"

#include <cmath>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace command {
namespace {

using nnc::Failure;

class Jobs {
public:
  Jobs(Line const& line, Screen& screen, nnc::Reports* tested)
      : line_(line), screen_(screen), tested_(tested), paths_(line), stages_(line) {}
  Status run();

private:
  nnc::Data const& data(std::string const& words);
  nnc::DataOptions data_options(std::string const& words);
  void say_notes(nnc::Data const&);
  void open_data();
  nnc::Program compile(std::string const& train_name);
  std::vector<nnc::Choice> choices();
  bool check_each_choice();
  void show_warnings(nnc::Program const&);
  void warn(std::string const& message, std::string const& help);
  void warn_of_random_weights(nnc::Program const&);
  void describe(nnc::Program const&);
  void explain(nnc::Program const&);
  void emit_object(nnc::Program const&);
  std::vector<nnc::Use> uses(nnc::Program const&);
  void open_session(nnc::Program const&);
  Status train(nnc::Program const&);
  Status after_training(nnc::Trained const&);
  void explain_bad(bool bad);
  void say_what_is_best(nnc::Trained const&);
  void say_what_is_saved(nnc::Trained const&);
  void write_log(nnc::Milestone const&);
  void log_failed();
  void give(std::string const& file, std::string const& content);
  void miss(std::string const& what);
  void say_where_it_trains(nnc::Program const&, nnc::Data const&);
  void say_clamped(std::int64_t count);
  void print_reports(std::string const& word, nnc::Reports const&);
  void test(nnc::Data const&, nnc::Trained const&);
  void evaluate();
  void predict();
  // Without a job: what does the file hold?
  bool is_asking() const {
    return !needs_session() && !line_.check_only && line_.emit.empty() && line_.dump.empty() && line_.explain.empty() &&
           !line_.check_each;
  }
  bool needs_session() const {
    return line_.train || line_.eval || line_.run || line_.digest || !line_.save.empty() ||
           (!line_.load.empty() && line_.emit != "object");
  }

  Line const& line_;
  Screen& screen_;
  nnc::Reports* tested_; // where what the test measures goes, of one training among several; else null
  Paths paths_;
  Stages stages_;
  Chronicle chronicle_{line_, [this](std::string const& why) { miss(why); }};
  std::map<std::string, nnc::Data> sets_; // by the words that name them
  std::set<std::string> said_notes_;
  std::unique_ptr<nnc::Session> session_;
  std::string text_;               // of the program, if it comes from standard input
  std::vector<std::string> trace_; // of the passes
  Log log_;
  bool log_failed_ = false;
  bool missed_ = false; // something that was asked for could not be written; the other jobs are done all the same
};

bool has_data(std::optional<std::string> const& words) { return words && *words != "none"; }

nnc::Data const& Jobs::data(std::string const& words) {
  auto const found = sets_.find(words);
  if (found != sets_.end()) return found->second;
  auto const& set = sets_.emplace(words, nnc::Data::open(with_split(words, line_), data_options(words))).first->second;
  for (auto const& file : set.files()) paths_.read(file, "the data of " + words);
  say_notes(set);
  return set;
}

// Which training do the data continue? The one that goes on, the one before in this command, or that of --load.
nnc::DataOptions Jobs::data_options(std::string const& words) {
  nnc::DataOptions options;
  options.folder = line_.data_folder;
  std::error_code error;
  bool const trains = line_.train == words;
  if (trains && line_.resume && std::filesystem::exists(line_.save, error)) options.checkpoint = line_.save;
  else if (!trains && has_data(line_.train)) options.like = std::make_shared<nnc::Data>(data(*line_.train));
  else options.checkpoint = line_.load;
  options.new_classes = trains && !line_.resume;
  return options;
}

void Jobs::say_notes(nnc::Data const& set) {
  for (auto const& note : set.notes())
    if (said_notes_.insert(note).second) screen_.say("note: " + note);
}

// Before anything is trained: a set or a folder that is missing must not be found out an hour later.
void Jobs::open_data() {
  for (auto const& words : {line_.train, line_.eval, line_.run})
    if (has_data(words)) data(*words);
  for (auto const& file : {line_.output, line_.plot, line_.report})
    if (!file.empty()) expect_writable(file);
  if (line_.emit == "object")
    if (auto const header = header_beside(line_.output); !header.empty()) expect_writable(header);
}

void Jobs::miss(std::string const& what) {
  screen_.error(what);
  missed_ = true;
}

void Jobs::give(std::string const& file, std::string const& content) {
  try {
    write_output(file, content);
  } catch (Failure const& failure) {
    miss(failure.what());
  }
}

std::string standard_input() {
  std::string text;
  char buffer[4096];
  while (auto const count = std::fread(buffer, 1, sizeof buffer, stdin)) text.append(buffer, count);
  if (std::ferror(stdin)) throw Failure(nnc::Code::file, "error: cannot read standard input");
  return text;
}

nnc::Program Jobs::compile(std::string const& train_name) {
  nnc::Options options;
  options.train_name = train_name;
  options.set = line_.set;
  options.batch = line_.batch;
  options.cpu = line_.cpu;
  options.target = line_.target;
  options.passes = line_.passes;
  options.without = line_.without;
  options.check_each = line_.check_each;
  options.max_nodes = line_.max_nodes;
  options.max_errors = line_.max_errors;
  options.werror = line_.werror;
  for (auto const& words : {line_.train, line_.eval, line_.run})
    if (has_data(words) && !options.data) options.data = data(*words);
  options.on_import = [this](std::string const& file) { paths_.read(file, "an import"); };
  stages_.watch(options, screen_);
  if (line_.explain.starts_with("fusion"))
    options.on_trace = [this](std::string const& line) { trace_.push_back(line); };
  try {
    auto program = line_.file == stdin_name ? nnc::Program::from_text(text_, options, stdin_name)
                                            : nnc::Program::from_file(line_.file, options);
    stages_.write_dump();
    stages_.check_dump();
    stages_.print_check(screen_);
    return program;
  } catch (...) {
    stages_.write_dump();
    throw;
  }
}

void Jobs::show_warnings(nnc::Program const& program) {
  auto const& warnings = program.warnings();
  size_t const most = line_.max_errors > 0 ? static_cast<size_t>(line_.max_errors) : warnings.size();
  for (size_t i = 0; i < std::min(most, warnings.size()); ++i) screen_.warning(in_switches(warnings[i].text));
  if (warnings.size() > most)
    screen_.say(fmt::format("note: {} more warnings; --max-errors 0 shows all", warnings.size() - most));
}

// With --werror a warning ends the command, whoever gives it.
void Jobs::warn(std::string const& message, std::string const& help) {
  if (line_.werror) throw Failure(nnc::Code::argument, fmt::format("error: {}\nhelp: {}", message, help));
  screen_.warning(fmt::format("warning: {}\nhelp: {}", message, help));
}

void Jobs::warn_of_random_weights(nnc::Program const& program) {
  if (line_.train || !line_.load.empty() || program.parameters().empty()) return;
  char const* const job = line_.eval ? "--eval" : "--run";
  if (line_.eval || line_.run) warn(fmt::format("{} uses random weights", job), "--load FILE gives it trained ones");
}

// What the file holds, where it is a text with more than one thing to choose from.
std::vector<nnc::Choice> Jobs::choices() {
  if (!line_.train_name.empty() || line_.file.ends_with(".ir")) return {};
  if (line_.file == stdin_name) return nnc::Program::choices(text_, stdin_name);
  std::error_code error;
  if (!std::filesystem::is_regular_file(line_.file, error)) return {}; // reading it says why not
  std::ifstream file(line_.file, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return nnc::Program::choices(text.str(), line_.file);
}

void Jobs::describe(nnc::Program const& program) { write_output("", summary_text(program)); }

void Jobs::explain(nnc::Program const& program) {
  if (line_.explain == "constants") give("", constants_text(program));
  else if (line_.explain == "memory") give("", memory_text(program));
  else give("", fusion_text(line_.explain.substr(line_.explain.find('=') + 1), trace_));
}

std::vector<nnc::Use> Jobs::uses(nnc::Program const& program) {
  std::vector<nnc::Use> uses;
  bool const tests = has_data(line_.train) && data(*line_.train).test_examples() > 0 && !program.reports().empty();
  if (line_.train) uses.push_back(nnc::Use::train);
  if (line_.eval || tests || (line_.train && program.validation() > 0)) uses.push_back(nnc::Use::evaluate);
  if (line_.run || chronicle_.runs(program)) uses.push_back(nnc::Use::run);
  return uses;
}

void Jobs::open_session(nnc::Program const& program) {
  nnc::SessionOptions options;
  options.threads = line_.threads;
  options.max_memory = line_.max_memory;
  if (line_.seed) options.seed = static_cast<std::uint64_t>(*line_.seed);
  options.uses = uses(program);
  session_ = std::make_unique<nnc::Session>(program, options);
  if (session_->threads() < line_.threads)
    screen_.say(fmt::format("note: {} threads are too many for this machine; there are {}", line_.threads,
                            session_->threads()));
  if (!line_.load.empty()) session_->load(line_.load, {line_.rename});
}

void Jobs::say_where_it_trains(nnc::Program const& program, nnc::Data const& data) {
  auto const validation = program.validation(data);
  screen_.say(data.summary());
  if (validation >= data.train_examples()) return; // the training says why it cannot be
  if (validation != program.validation())
    screen_.say(fmt::format("note: validation = {} is meant for the full set; of this one {} examples are held back",
                            grouped(program.validation()), grouped(validation)));
  screen_.say(fmt::format("{}: {} training{} examples, batch {}, {}", program.summary(),
                          grouped(data.train_examples() - validation),
                          validation > 0 ? fmt::format(" and {} validation", grouped(validation)) : "", program.batch(),
                          session_->threads() == 1 ? "1 thread" : fmt::format("{} threads", session_->threads())));
}

Status Jobs::train(nnc::Program const& program) {
  if (*line_.train == "none") throw Failure(nnc::Code::argument, "error: --train needs data; none is for --run");
  auto const& set = data(*line_.train);
  watch_for_interrupt();
  say_where_it_trains(program, set);
  if (!line_.log.empty()) log_.open(line_.log);
  nnc::TrainOptions options;
  options.epochs = line_.epochs;
  options.steps = line_.steps;
  options.shuffle = !line_.no_shuffle;
  options.resume = line_.resume;
  options.replan = line_.replan;
  options.save = line_.save;
  options.save_every = line_.save_every;
  options.save_best = line_.save_best;
  options.log_every = line_.log_every > 0 ? line_.log_every : chronicle_.steps_between(program, set);
  options.stop_on_bad = !line_.keep_going;
  options.explain_bad = line_.explain == "nan";
  std::int64_t epochs = 0;
  options.on_slice = [&](nnc::Progress const& progress) {
    epochs = progress.epochs;
    screen_.progress(progress);
    return !interrupted_by();
  };
  options.on_epoch = [&](nnc::Milestone const& milestone) {
    screen_.epoch(milestone, epochs);
    chronicle_.epoch(milestone);
    if (line_.log_every == 0) write_log(milestone);
  };
  options.on_log = [&](nnc::Milestone const& milestone) {
    if (line_.log_every > 0) write_log(milestone);
    if (options.log_every > 0) chronicle_.step(milestone);
  };
  options.on_note = [&](std::string const& line) { screen_.say("note: " + in_switches(line)); };
  if (set.test_examples() > 0 && !program.reports().empty()) session_->prepare_evaluation(set, nnc::Part::test);
  say_notes(set); // columns may have been converted
  chronicle_.begin(program, set, *session_);
  auto const trained = session_->train(set, options);
  leave_interrupts_alone();
  auto const status = after_training(trained);
  if (status == done && set.test_examples() > 0 && !program.reports().empty()) test(set, trained);
  chronicle_.finish(trained, stages_);
  return status;
}

void Jobs::write_log(nnc::Milestone const& milestone) {
  if (!log_.write(milestone)) log_failed();
}

void Jobs::log_failed() {
  if (log_failed_) return;
  log_failed_ = true;
  miss(fmt::format("error: {}; the training goes on", log_.trouble()));
}

Status Jobs::after_training(nnc::Trained const& trained) {
  say_clamped(trained.clamped);
  if (trained.zero_divided > 0)
    screen_.say(fmt::format("warning: {} integer divisions by zero gave 0", grouped(trained.zero_divided)));
  auto const* const severity = line_.keep_going ? "warning" : "error";
  if (trained.bad_step) screen_.error(fmt::format("{}: the loss is not finite in step {}", severity, trained.bad_step));
  if (!trained.not_finite.empty()) screen_.error(fmt::format("{}: {}", severity, trained.not_finite));
  if (int const number = interrupted_by(); number && trained.stopped)
    screen_.say(fmt::format("interrupted after step {}", trained.step));
  say_what_is_best(trained);
  if (!line_.save.empty()) say_what_is_saved(trained);
  bool const bad = trained.bad_step || !trained.not_finite.empty();
  explain_bad(bad);
  if (bad && !line_.keep_going) return wrong;
  int const number = interrupted_by();
  if (!number) return done;
  return missed_ ? wrong : static_cast<Status>(signalled + number);
}

void Jobs::explain_bad(bool bad) {
  if (line_.explain == "nan") {
    give("", bad ? session_->explain_bad().text + "\n" : "all losses, weights and states stayed finite\n");
  } else if (bad) {
    screen_.say("help: the same command with --explain nan says what made it so");
  }
}

void Jobs::say_what_is_best(nnc::Trained const& trained) {
  if (trained.out_of_patience) screen_.say(fmt::format("stopped after epoch {}: the patience is over", trained.epoch));
  if (trained.best_epoch > 0)
    screen_.say(fmt::format("best was epoch {} ({}){}", trained.best_epoch, number_text(trained.best_value),
                            line_.save_best.empty() || !trained.best_error.empty()
                                ? ""
                                : fmt::format(", saved in {}", nnc::printable(line_.save_best))));
  if (trained.best_error.empty()) return;
  screen_.error("error: " + trained.best_error);
  missed_ = true;
}

void Jobs::say_what_is_saved(nnc::Trained const& trained) {
  if (trained.saved) {
    if (trained.saves > 0) screen_.say(fmt::format("saved {} (step {})", nnc::printable(line_.save), trained.step));
    return;
  }
  if (!trained.save_error.empty()) screen_.error("error: " + trained.save_error);
  bool const was_there = trained.saves > 0 || trained.first_step > 0;
  screen_.say(fmt::format("{} {}", line_.save, was_there ? "has not been replaced since" : "has not been written"));
  missed_ = true;
}

void Jobs::say_clamped(std::int64_t count) {
  if (count > 0)
    screen_.say(fmt::format("warning: {} indices were out of range, the nearest were taken", grouped(count)));
}

void Jobs::print_reports(std::string const& word, nnc::Reports const& reports) {
  say_clamped(reports.clamped);
  std::string text;
  for (auto const& number : reports.values)
    text += fmt::format("{} {} {}\n", word, number.name, number_text(number.value));
  for (auto const& table : reports.tables) text += fmt::format("{} {}\n{}", word, table.name, table_text(table));
  give("", text);
}

void Jobs::test(nnc::Data const& set, nnc::Trained const& trained) {
  auto const reports = session_->evaluate(set, nnc::Part::test);
  if (!log_.write_test(trained, reports)) log_failed();
  chronicle_.test(trained, reports);
  if (tested_) *tested_ = reports;
  print_reports("test", reports);
}

void Jobs::evaluate() {
  auto const& set = data(*line_.eval);
  bool const has_test = set.test_examples() > 0;
  screen_.say(set.summary());
  print_reports(has_test ? "test" : "training", session_->evaluate(set, has_test ? nnc::Part::test : nnc::Part::all));
}

void Jobs::predict() {
  std::vector<nnc::Array> outputs;
  std::int64_t examples = 0;
  if (has_data(line_.run)) {
    auto const& set = data(*line_.run);
    bool const has_test = set.test_examples() > 0;
    examples = has_test ? set.test_examples() : set.train_examples();
    outputs = session_->run(set, has_test ? nnc::Part::test : nnc::Part::all);
  } else {
    if (!line_.batch) throw Failure(nnc::Code::argument, "error: a run without data needs --batch");
    examples = *line_.batch;
    outputs = session_->run({}, examples);
  }
  say_clamped(session_->clamped());
  give(line_.output, written(line_.output, outputs_of(*session_, std::move(outputs), examples)));
}

// The header goes beside the object.
void Jobs::emit_object(nnc::Program const& program) {
  auto const files = program.emit_object({line_.prefix, line_.load, line_.rename});
  write_output(line_.output, files.object);
  if (auto const header = header_beside(line_.output); !header.empty()) write_output(header, files.header);
}

// Every program of a file that holds several. True when that was the job.
bool Jobs::check_each_choice() {
  auto const all = choices();
  if (!line_.check_only || choices_text(line_.file, all).empty()) return false;
  std::set<std::string> said; // functions that several of them call
  for (auto const& choice : all) {
    try {
      show_warnings(compile(choice.name));
    } catch (Failure const& failure) {
      if (failure.code == nnc::Code::bug) throw;
      if (said.insert(failure.what()).second) miss(in_switches(failure.what()));
    }
  }
  return true;
}

Status Jobs::run() {
  open_data();
  if (line_.file == stdin_name) text_ = standard_input();
  if (is_asking())
    if (auto const list = choices_text(line_.file, choices()); !list.empty()) {
      write_output("", list);
      return done;
    }
  if (check_each_choice()) return missed_ ? wrong : done;
  auto const program = compile(line_.train_name);
  show_warnings(program);
  if (line_.run) check_outputs(line_.output, program.outputs());
  if (!line_.explain.empty() && line_.explain != "nan") explain(program);
  if (line_.emit == "object") emit_object(program);
  else if (!line_.emit.empty()) write_output(line_.output, program.emit(line_.emit));
  auto status = done;
  if (needs_session()) {
    warn_of_random_weights(program);
    open_session(program);
    if (line_.train) status = train(program);
    else if (!line_.save.empty()) session_->save(line_.save);
    if (status == done && line_.eval) evaluate();
    if (status == done && line_.run) predict();
    if (status == done && line_.digest) give("", "weights sha256 " + session_->digest() + "\n");
  } else if (is_asking()) {
    describe(program);
  }
  stages_.print_times(screen_);
  if (line_.train && line_.save.empty() && line_.save_best.empty() && status != wrong && !tested_)
    screen_.say("nothing was saved; --save FILE.safetensors keeps the weights");
  return status == done && missed_ ? wrong : status;
}

} // namespace

Status run_jobs(Line const& line, Screen& screen, nnc::Reports* tested) { return Jobs(line, screen, tested).run(); }

} // namespace command
