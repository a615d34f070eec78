using CsiLocal.Volumes;
using Microsoft.Data.Sqlite;

namespace CsiLocal.State;

internal sealed partial class StateStore
{
    /// <summary>
    /// Runs <paramref name="action"/> with all that it writes through this store committed by one fsync, or not at all.
    /// </summary>
    /// <remarks>
    /// Within it the same thread reads its own writes. A transaction inside another joins it. Any failure of a write rolls
    /// the whole back, even where the action catches it.
    /// </remarks>
    /// <exception cref="StorageException">As from the writes inside.</exception>
    public void InTransaction(Action action) => Write("commit a transaction", _ => action());

    private void Write(string operation, Action<StateConnection> body) => Write(operation, db =>
    {
        body(db);
        return true;
    });

    private T Write<T>(string operation, Func<StateConnection, T> body)
    {
        lock (_writing)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return Translating(operation, () => _inTransaction ? Join(operation, body) : Commit(operation, body));
        }
    }

    private T Commit<T>(string operation, Func<StateConnection, T> body)
    {
        T result;
        IReadOnlyList<JournalWrite> journal = [];
        _writer.Execute("BEGIN IMMEDIATE");
        _inTransaction = true;
        try
        {
            result = body(_writer);
            if (_doomed)
                throw Doomed(operation);

            journal = _journal.Take(JournalRowsPerCommit);
            foreach (var row in journal)
                row.WriteTo(_writer);

            _commits?.Before(operation);
            _writer.Execute("COMMIT");
        }
        catch
        {
            _journal.PutBack(journal);
            // SQLite has rolled back by itself after some errors, a full disk among them.
            if (!_writer.IsAutoCommit)
                _writer.Execute("ROLLBACK");
            throw;
        }
        finally
        {
            _inTransaction = false;
            _doomed = false;
        }

        _commits?.After(operation);
        return result;
    }

    private T Join<T>(string operation, Func<StateConnection, T> body)
    {
        // After an error SQLite may have rolled back by itself; a further statement would then be committed on its own.
        if (_doomed)
            throw Doomed(operation);

        try
        {
            return body(_writer);
        }
        catch
        {
            _doomed = true;
            throw;
        }
    }

    private T Read<T>(string operation, Func<StateConnection, T> body)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_writing.IsHeldByCurrentThread)
            return Translating(operation, () => body(_writer));

        return Translating(operation, () =>
        {
            var reader = _idleReaders.TryTake(out var idle) ? idle : StateConnection.OpenReader(_file);
            try
            {
                return body(reader);
            }
            finally
            {
                Return(reader);
            }
        });
    }

    private void Return(StateConnection reader)
    {
        if (_idleReaders.Count < MaxIdleReaders)
            _idleReaders.Add(reader);
        else
            reader.Dispose();

        // Dispose may have emptied the bag just before.
        if (_disposed && _idleReaders.TryTake(out var late))
            late.Dispose();
    }

    private void Translating(string operation, Action body) => Translating(operation, () =>
    {
        body();
        return true;
    });

    private T Translating<T>(string operation, Func<T> body)
    {
        try
        {
            return body();
        }
        catch (SqliteException e)
        {
            if (StateErrors.IsDamage(e))
                StateFile.MarkSuspect(_file);
            throw StateErrors.Translate(e, operation, _file);
        }
    }

    private static StorageException Doomed(string operation) => new(
        StorageError.Internal, $"{operation}: an earlier write of the same transaction failed, so nothing of it is committed");
}
