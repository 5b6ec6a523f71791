//! Calls of Windows itself, each behind a plain function, and the only unsafe code of the program.
//! What an answer means is not decided here.

#![expect(unsafe_code, reason = "the system's calls take pointers; each is checked beside it")]

use std::ffi::{OsStr, c_void};
use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Wdk::System::SystemInformation::{
    NtQuerySystemInformation, SystemTimeOfDayInformation,
};
use windows_sys::Win32::Foundation::{ERROR_NOT_FOUND, ERROR_SUCCESS, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
    SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::Credentials::{
    CRED_TYPE_GENERIC, CREDENTIALW, CredFree, CredReadW,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce,
    OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, CreateDirectoryW, GetFileInformationByHandle,
};
use windows_sys::Win32::System::Console::FlushConsoleInputBuffer;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, TerminateJobObject,
};
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RegGetValueW};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;

use super::access::Entry;

/// A text as these calls take it: in UTF-16, with a zero at its end.
fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

/// Memory that the system gave and that is given back when this is dropped.
struct Local(*mut c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from a call whose documentation names `LocalFree`; nobody else has it.
        unsafe { LocalFree(self.0) };
    }
}

/// Milliseconds since the machine was started. They count sleep and hibernation, in steps of 10 to
/// 16 (`GetTickCount64` in Microsoft's documentation).
pub(super) fn milliseconds_since_start() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { GetTickCount64() }
}

/// What the system answers to `SystemTimeOfDayInformation`, in units of 100 ns.
#[repr(C)]
#[derive(Default)]
struct TimeOfDay {
    boot: i64,
    now: i64,
    zone_bias: i64,
    zone: u32,
    reserved: u32,
    boot_bias: u64,
    sleep_bias: u64,
}

/// The moment of the machine's start as it was set at first, in units of 100 ns since 1601: what
/// steps of the wall clock add to it is taken away.
///
/// # Errors
/// The status of the system, as a part of a sentence.
pub(super) fn moment_of_start() -> Result<i64, String> {
    let mut answer = TimeOfDay::default();
    let size = u32::try_from(size_of::<TimeOfDay>()).unwrap_or(u32::MAX);
    let mut length = 0;
    // SAFETY: the answer is a plain structure of `size` bytes, which both outlive the call.
    let status = unsafe {
        NtQuerySystemInformation(
            SystemTimeOfDayInformation,
            (&raw mut answer).cast(),
            size,
            &raw mut length,
        )
    };
    if status < 0 {
        return Err(format!("NtQuerySystemInformation failed with {status:#x}"));
    }
    Ok(answer.boot.wrapping_sub(answer.boot_bias.cast_signed()))
}

/// How often the machine was started, where the system counts it.
pub(super) fn number_of_start() -> Option<u32> {
    const KEY: &str =
        r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";
    let (key, name) = (wide(OsStr::new(KEY)), wide(OsStr::new("BootId")));
    let (mut number, mut size) = (0_u32, 4_u32);
    // SAFETY: both names end in a zero, and the number has the `size` bytes that a DWORD has.
    let status = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            name.as_ptr(),
            RRF_RT_REG_DWORD,
            null_mut(),
            (&raw mut number).cast(),
            &raw mut size,
        )
    };
    if status == ERROR_SUCCESS { Some(number) } else { None }
}

/// Makes a folder with the rights of a security descriptor, in the words of SDDL.
///
/// # Errors
/// As of the system.
pub(super) fn make_folder(folder: &Path, rights: &str) -> io::Result<()> {
    let rights = wide(OsStr::new(rights));
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the text ends in a zero; the descriptor is written on success alone.
    let made = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            rights.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    };
    if made == 0 {
        return Err(io::Error::last_os_error());
    }
    let descriptor = Local(descriptor);
    let attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(u32::MAX),
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    };
    let name = wide(folder.as_os_str());
    // SAFETY: the name ends in a zero; attributes and descriptor outlive the call.
    let made = unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) };
    if made == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What tells a file from others, and how many names it has.
pub(super) struct About {
    pub(super) volume: u64,
    pub(super) index: u64,
    pub(super) names: u64,
}

/// Asks about an open file or folder.
///
/// # Errors
/// As of the system.
pub(super) fn about(file: &File) -> io::Result<About> {
    let mut answer = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open as long as `file` is borrowed, and the answer is written whole.
    let known = unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut answer) };
    if known == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(About {
        volume: answer.dwVolumeSerialNumber.into(),
        index: u64::from(answer.nFileIndexHigh) << 32 | u64::from(answer.nFileIndexLow),
        names: answer.nNumberOfLinks.into(),
    })
}

/// The owner of an open file, and its list of who may do what. Without a list everybody may do
/// everything; the list is `None` then.
///
/// # Errors
/// As of the system.
pub(super) fn owner_and_list(file: &File) -> io::Result<(String, Option<Vec<Entry>>)> {
    let (mut owner, mut list): (PSID, *mut ACL) = (null_mut(), null_mut());
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the handle is open as long as `file` is borrowed; what is written points into the
    // descriptor, which is kept to the end of this function.
    let status = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            &raw mut list,
            null_mut(),
            &raw mut descriptor,
        )
    };
    if status != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(status.cast_signed()));
    }
    let _descriptor = Local(descriptor);
    let owner = name_of(owner)?;
    if list.is_null() {
        return Ok((owner, None));
    }
    // SAFETY: the system wrote a whole list there.
    let count = unsafe { (*list).AceCount };
    let entries = (0..u32::from(count)).map(|at| entry(list, at));
    Ok((owner, Some(entries.collect::<io::Result<_>>()?)))
}

fn entry(list: *const ACL, at: u32) -> io::Result<Entry> {
    let mut found: *mut c_void = null_mut();
    // SAFETY: the list is whole, and `at` is below its count.
    if unsafe { GetAce(list, at, &raw mut found) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: each entry begins with this head.
    let head = unsafe { *found.cast::<ACE_HEADER>() };
    let mut entry = Entry { kind: head.AceType, flags: head.AceFlags, mask: 0, who: String::new() };
    if entry.is_plain() {
        let plain = found.cast::<ACCESS_ALLOWED_ACE>();
        // SAFETY: an entry of this kind has a mask, and behind it the one it is about.
        let (mask, who) = unsafe { ((*plain).Mask, &raw const (*plain).SidStart) };
        entry.mask = mask;
        entry.who = name_of(who.cast_mut().cast())?;
    }
    Ok(entry)
}

/// A user or group as Windows writes it, such as `S-1-5-18`.
fn name_of(who: PSID) -> io::Result<String> {
    let mut text: *mut u16 = null_mut();
    // SAFETY: `who` points into a descriptor that is there; the text is written on success alone.
    if unsafe { ConvertSidToStringSidW(who, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let text = Local(text.cast());
    let letters = text.0.cast::<u16>();
    // SAFETY: the text ends in a zero.
    let length = (0..).take_while(|at| unsafe { *letters.add(*at) } != 0).count();
    // SAFETY: there are `length` letters before the zero.
    Ok(String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(letters, length) }))
}

/// What a generic credential of this user holds, as it was written there. Returns `None` if there
/// is none of this name.
///
/// # Errors
/// As of the system.
pub(super) fn credential(name: &str) -> io::Result<Option<Vec<u8>>> {
    let name = wide(OsStr::new(name));
    let mut found: *mut CREDENTIALW = null_mut();
    // SAFETY: the name ends in a zero; the credential is written on success alone.
    if unsafe { CredReadW(name.as_ptr(), CRED_TYPE_GENERIC, 0, &raw mut found) } == 0 {
        let error = io::Error::last_os_error();
        let none = error.raw_os_error() == Some(ERROR_NOT_FOUND.cast_signed());
        return if none { Ok(None) } else { Err(error) };
    }
    // SAFETY: the system wrote a whole credential there.
    let (bytes, length) = unsafe { ((*found).CredentialBlob, (*found).CredentialBlobSize) };
    let text = if bytes.is_null() {
        Vec::new()
    } else {
        // SAFETY: it is `length` bytes long, and copied before it is given back.
        unsafe { std::slice::from_raw_parts(bytes, length as usize) }.to_vec()
    };
    // SAFETY: it came from `CredReadW`, and nothing points into it any more.
    unsafe { CredFree(found.cast()) };
    Ok(Some(text))
}

/// Forgets what was typed at a console and not yet read.
///
/// # Errors
/// As of the system.
pub(super) fn flush_console(input: &File) -> io::Result<()> {
    // SAFETY: the handle is open as long as `input` is borrowed.
    let flushed = unsafe { FlushConsoleInputBuffer(input.as_raw_handle()) };
    if flushed == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A job: processes that end together.
#[derive(Debug)]
pub(super) struct Job(OwnedHandle);

impl Job {
    /// A job of this process and all that it starts from now on.
    ///
    /// # Errors
    /// As of the system.
    pub(super) fn of(process: RawHandle) -> io::Result<Self> {
        // SAFETY: it takes no attributes and no name.
        let job: HANDLE = unsafe { CreateJobObjectW(null(), null()) };
        if job.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle was made just now, and nobody else has it.
        let job = unsafe { OwnedHandle::from_raw_handle(job) };
        // SAFETY: both handles are open.
        if unsafe { AssignProcessToJobObject(job.as_raw_handle(), process) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(job))
    }

    /// Ends all of them.
    pub(super) fn end(&self) {
        // SAFETY: the handle is open as long as this lives. What is gone needs no end.
        unsafe { TerminateJobObject(self.0.as_raw_handle(), 1) };
    }
}

/// Credentials that tests write, and take away again.
#[cfg(test)]
pub(super) mod tried {
    use windows_sys::Win32::Security::Credentials::{
        CRED_PERSIST_SESSION, CredDeleteW, CredWriteW,
    };

    use super::*;

    /// Writes a generic credential of this user.
    pub(in super::super) fn write_credential(name: &str, bytes: &mut [u8]) {
        let (mut name, mut user) = (wide(OsStr::new(name)), wide(OsStr::new("fleetsweep")));
        let credential = CREDENTIALW {
            Type: CRED_TYPE_GENERIC,
            TargetName: name.as_mut_ptr(),
            CredentialBlobSize: u32::try_from(bytes.len()).unwrap(),
            CredentialBlob: bytes.as_mut_ptr(),
            Persist: CRED_PERSIST_SESSION,
            UserName: user.as_mut_ptr(),
            ..CREDENTIALW::default()
        };
        // SAFETY: all that it points to outlives the call.
        assert_ne!(unsafe { CredWriteW(&raw const credential, 0) }, 0);
    }

    /// Takes it away.
    pub(in super::super) fn remove_credential(name: &str) {
        let name = wide(OsStr::new(name));
        // SAFETY: the name ends in a zero.
        assert_ne!(unsafe { CredDeleteW(name.as_ptr(), CRED_TYPE_GENERIC, 0) }, 0);
    }
}
