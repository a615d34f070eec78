using System.Runtime.InteropServices;

namespace CsiLocal.Native;

/// <summary>A system call that failed. <see cref="Exception.HResult"/> carries the errno, as in the runtime's own <see cref="IOException"/>s.</summary>
/// <param name="call">The call, and on what: <c>openat2 /mnt/x</c>.</param>
/// <param name="errorNumber">Its <c>errno</c>.</param>
internal sealed class NativeException(string call, int errorNumber)
    : IOException($"{call}: {Marshal.GetPInvokeErrorMessage(errorNumber)} (errno {errorNumber})", errorNumber)
{
    public int ErrorNumber { get; } = errorNumber;

    /// <summary>The failure of the call just made on this thread.</summary>
    public static NativeException Last(string call) => new(call, Marshal.GetLastPInvokeError());

    /// <inheritdoc cref="Last(string)"/>
    public static NativeException Last(string call, string subject) => Last($"{call} {subject}");
}
