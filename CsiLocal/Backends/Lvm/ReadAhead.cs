using System.Runtime.ExceptionServices;
using CsiLocal.Native;

namespace CsiLocal.Backends.Lvm;

/// <summary>Reads a device from an offset to its end on a thread of its own, two chunks ahead of who takes them.</summary>
internal sealed class ReadAhead : IDisposable
{
    public const int ChunkBytes = 4 << 20;

    // One is being written, one is ready, one is being read: more would only take memory.
    private const int Depth = 3;

    private readonly object _monitor = new();
    private readonly AlignedBuffer[] _ring = new AlignedBuffer[Depth];
    private readonly BlockDevice _source;
    private readonly long _from;
    private readonly Thread _reader;
    private long _read;
    private long _taken;
    private Exception? _failure;
    private bool _stopped;

    public ReadAhead(BlockDevice source, long from)
    {
        _source = source;
        _from = from;
        for (var i = 0; i < Depth; i++)
            _ring[i] = new AlignedBuffer(ChunkBytes);
        _reader = new Thread(ReadAll) { IsBackground = true, Name = "read ahead" };
        _reader.Start();
    }

    /// <summary>The next chunk, valid until the next call; empty at the device's end.</summary>
    /// <exception cref="IOException">It could not be read.</exception>
    public ReadOnlySpan<byte> Next()
    {
        long chunk;
        lock (_monitor)
        {
            chunk = _taken++;
            Monitor.PulseAll(_monitor);
            while (_read <= chunk && _failure is null)
                Monitor.Wait(_monitor);
            if (_read <= chunk)
                ExceptionDispatchInfo.Throw(_failure!);
        }

        return _ring[chunk % Depth].Bytes[..LengthOf(chunk)];
    }

    public void Dispose()
    {
        lock (_monitor)
        {
            _stopped = true;
            Monitor.PulseAll(_monitor);
        }

        // The kernel may still be writing into a buffer.
        _reader.Join();
        foreach (var buffer in _ring)
            buffer.Dispose();
    }

    private int LengthOf(long chunk) => (int)Math.Clamp(_source.SizeBytes - _from - (chunk * ChunkBytes), 0, ChunkBytes);

    private void ReadAll()
    {
        try
        {
            for (long chunk = 0; WaitForRoom(chunk); chunk++)
            {
                var length = LengthOf(chunk);
                _source.Read(_from + (chunk * ChunkBytes), _ring[chunk % Depth].Bytes[..length]);
                lock (_monitor)
                {
                    _read = chunk + 1;
                    Monitor.PulseAll(_monitor);
                }

                if (length == 0)
                    return;
            }
        }
        catch (Exception e)
        {
            // Whatever it is: it belongs to who asks for the next chunk, and would end the daemon on this thread.
            lock (_monitor)
            {
                _failure = e;
                Monitor.PulseAll(_monitor);
            }
        }
    }

    /// <summary>The chunk that was given out last is still in use until the next is asked for.</summary>
    private bool WaitForRoom(long chunk)
    {
        lock (_monitor)
        {
            while (!_stopped && chunk >= Math.Max(_taken - 1, 0) + Depth)
                Monitor.Wait(_monitor);
            return !_stopped;
        }
    }
}
