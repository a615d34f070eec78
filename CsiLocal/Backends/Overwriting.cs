using System.Security.Cryptography;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>What deleted volumes are overwritten with, and in which steps.</summary>
internal static class Overwriting
{
    /// <summary>Between two steps the rate is kept and a stop is noticed: small enough that neither the disk nor the daemon waits long.</summary>
    public const int StepBytes = 8 << 20;

    /// <summary>Largest logical block there is: a device writes whole blocks.</summary>
    private const int Grain = 4096;

    public static bool IsAsked(EraseMode mode) => mode is EraseMode.Zero or EraseMode.Random;

    /// <summary>Goes over a range in steps, from where an earlier run was.</summary>
    /// <param name="lengthBytes">The end.</param>
    /// <param name="step">Overwrites one step, durably, and says where the next one begins: beyond its end where there is nothing between.</param>
    public static async Task RunAsync(
        long lengthBytes, Func<long, long> step, IEraseProgress progress, CancellationToken cancellationToken)
    {
        for (var at = Math.Clamp(progress.ResumeFrom / Grain * Grain, 0, lengthBytes); at < lengthBytes;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var from = at;
            at = Math.Min(await Task.Run(() => step(from), CancellationToken.None), lengthBytes);
            await progress.ReportAsync(at, lengthBytes, cancellationToken);
        }
    }

    /// <summary>A buffer of zeros, or of random bytes anew at each call.</summary>
    public static Func<byte[]> Pattern(EraseMode mode)
    {
        var buffer = new byte[StepBytes];
        return () =>
        {
            if (mode == EraseMode.Random)
                RandomNumberGenerator.Fill(buffer);
            return buffer;
        };
    }
}
