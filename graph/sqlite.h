// SQLite behind two handles that close themselves. Errors are thrown with SQLite's own code, so that callers can tell a
// full disk from a damaged file.
#pragma once

#include <sqlite3.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace heartbeat::sqlite {

class Error : public std::runtime_error {
 public:
  Error(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int code() const { return code_ & 0xff; }
  bool disk_full() const { return code() == SQLITE_FULL || code() == SQLITE_IOERR; }

 private:
  int code_;
};

class Database {
 public:
  Database() = default;
  // flags: SQLITE_OPEN_READONLY, or SQLITE_OPEN_READWRITE with or without SQLITE_OPEN_CREATE.
  Database(const std::string& path, int flags);
  Database(Database&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Database& operator=(Database&& other) noexcept {
    std::swap(db_, other.db_);
    return *this;
  }
  ~Database() { sqlite3_close_v2(db_); }

  void execute(const std::string& sql);  // any number of statements, rows are ignored
  sqlite3* get() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

class Statement {
 public:
  Statement() = default;
  Statement(Database& db, std::string_view sql);
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }
  ~Statement() { sqlite3_finalize(statement_); }

  // Runs an insert with these values: integers, doubles (NaN becomes NULL), text, blobs, optionals.
  template <class... Values>
  void run(const Values&... values) {
    bind_all(values...);
    step();
    reset();
  }
  // Text and blobs are not copied: they must live until the statement is done.
  template <class... Values>
  void bind_all(const Values&... values) {
    int index = 0;
    (check(bind(++index, values)), ...);
  }
  bool step();  // true: a row is ready
  void reset();

  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  long integer(int column) const { return sqlite3_column_int64(statement_, column); }
  double real(int column) const { return sqlite3_column_double(statement_, column); }
  std::string text(int column) const;
  std::span<const std::uint8_t> blob(int column) const;  // valid until the next step

 private:
  int bind(int index, double v) { return sqlite3_bind_double(statement_, index, v); }
  int bind(int index, std::string_view v) {
    return sqlite3_bind_text64(statement_, index, v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  int bind(int index, std::span<const std::uint8_t> v) {
    // A null pointer would bind NULL instead of an empty blob.
    return sqlite3_bind_blob64(statement_, index, v.empty() ? "" : static_cast<const void*>(v.data()), v.size(),
                               SQLITE_STATIC);
  }
  template <class T>
  requires std::is_integral_v<T>
  int bind(int index, T v) { return sqlite3_bind_int64(statement_, index, sqlite3_int64(v)); }
  template <class T>
  int bind(int index, const std::optional<T>& v) {
    return v ? bind(index, *v) : sqlite3_bind_null(statement_, index);
  }
  void check(int code) const;

  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace heartbeat::sqlite
