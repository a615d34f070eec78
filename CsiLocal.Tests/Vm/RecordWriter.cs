using System.Buffers.Binary;
using CsiLocal.Native;

namespace CsiLocal.Tests.Vm;

/// <summary>Writes records to a device one after the other, each made durable before the next, and proves afterwards that they are there.</summary>
/// <param name="path">The device.</param>
/// <param name="seed">What tells its records from those of others.</param>
internal sealed class RecordWriter(string path, ulong seed)
{
    public const int RecordBytes = 1 << 20;

    /// <summary>Records that fsync said are durable.</summary>
    public int Acknowledged { get; private set; }

    /// <summary>Writes records until there are that many; the first error ends it.</summary>
    public async Task WriteAsync(int records, CancellationToken cancellationToken)
    {
        // A thread of its own: it hangs in fsync while the pool is full.
        await Task.Factory.StartNew(
            () =>
            {
                using var device = BlockDevice.Open(path, BlockOpen.Write);
                var record = new byte[RecordBytes];
                while (Acknowledged < records)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    Fill(record, Acknowledged);
                    device.Write((long)Acknowledged * RecordBytes, record);
                    device.Flush();
                    Acknowledged++;
                }
            },
            cancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>Index of the first acknowledged record that is not what was written; null where all are. Reads from the disk and not from memory.</summary>
    /// <param name="copy">A copy of the device, to look there.</param>
    public int? FindLost(string? copy = null)
    {
        // Nobody has it open any more: the kernel has dropped its pages (block/bdev.c, blkdev_flush_mapping).
        using var device = BlockDevice.Open(copy ?? path);
        var (found, expected) = (new byte[RecordBytes], new byte[RecordBytes]);
        for (var index = 0; index < Acknowledged; index++)
        {
            device.Read((long)index * RecordBytes, found);
            Fill(expected, index);
            if (!found.AsSpan().SequenceEqual(expected))
                return index;
        }

        return null;
    }

    // splitmix64: no block is like another, and none compresses.
    private void Fill(byte[] record, int index)
    {
        var state = (seed << 32) + (ulong)index;
        for (var at = 0; at < record.Length; at += sizeof(ulong))
        {
            state += 0x9E3779B97F4A7C15;
            var mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
            BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(at), mixed ^ (mixed >> 31));
        }
    }
}
